//! HTTPS: the listener's certificate, its renewal, and senders' certificates.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::*;

/// An authority, and what it issues.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate of that name, and its key, as PEM.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (
            params.signed_by(&key, &self.0).unwrap().pem(),
            key.serialize_pem(),
        )
    }

    fn write(&self, folder: &Path) {
        let (certificate, key) = self.issue("localhost");
        std::fs::write(folder.join("cert"), certificate).unwrap();
        std::fs::write(folder.join("key"), key).unwrap();
    }

    fn client(&self, identity: Option<&(String, String)>) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(self.0.pem().as_bytes()).unwrap();
        let mut client = reqwest::Client::builder().tls_certs_only([root]);
        if let Some((certificate, key)) = identity {
            let pem = format!("{certificate}{key}");
            client = client.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
        }
        client.build().unwrap()
    }
}

async fn post(client: &reqwest::Client, port: u16) -> Result<u16, String> {
    let sent = client
        .post(format!("https://localhost:{port}/api/v1/sources/a"))
        .body(r#"{"source":"m","message":"disk full"}"#)
        .send();
    let answer = timeout(PATIENCE, sent).await.unwrap();
    answer
        .map(|answer| answer.status().as_u16())
        .map_err(|error| platform::Chain(&error).to_string())
}

#[tokio::test]
async fn senders_are_known_by_their_certificates_and_a_renewed_one_is_shown() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new(), Authority::new());
    ours.write(folder.path());
    std::fs::write(folder.path().join("ca"), theirs.0.pem()).unwrap();
    let at = |name: &str| folder.path().join(name);
    let yaml = format!(
        "ingest: {{address: '127.0.0.1:0', tls: {{certFile: {:?}, keyFile: {:?}, clientCaFile: {:?}}}}}\n\
         sources: [{{name: a, format: webhook, namespace: x, auth: {{clientNames: [sender.example.com]}}}}]",
        at("cert"),
        at("key"),
        at("ca")
    );
    let health = Health::default();
    let collector = bind(&yaml, &health).await.unwrap();
    let (port, tls, shutdown) = (
        collector.local_addr().port(),
        collector.tls.clone().unwrap(),
        Shutdown::new(),
    );
    let task = tokio::spawn(collector.serve(MemoryLog::new(Mood::Confirms), shutdown.clone()));

    let known = ours.client(Some(&theirs.issue("sender.example.com")));
    let status = async {
        loop {
            match post(&known, port).await {
                Ok(503) => tokio::task::yield_now().await,
                other => return other,
            }
        }
    };
    assert_eq!(timeout(PATIENCE, status).await.unwrap(), Ok(202));
    assert_eq!(
        post(&ours.client(Some(&theirs.issue("other.example.com"))), port).await,
        Ok(401)
    );
    assert_eq!(post(&ours.client(None), port).await, Ok(401));
    // Issued by an authority that nobody named: refused in the handshake.
    post(&ours.client(Some(&ours.issue("sender.example.com"))), port)
        .await
        .unwrap_err();

    let renewed = Authority::new();
    std::fs::write(at("cert"), "no certificate").unwrap();
    assert!(tls.reload().is_err());
    let unchanged = ours.client(Some(&theirs.issue("sender.example.com")));
    assert_eq!(post(&unchanged, port).await, Ok(202));
    renewed.write(folder.path());
    tls.reload().unwrap();
    let after = renewed.client(Some(&theirs.issue("sender.example.com")));
    assert_eq!(post(&after, port).await, Ok(202));

    shutdown.request();
    timeout(PATIENCE, task).await.unwrap().unwrap().unwrap();
}

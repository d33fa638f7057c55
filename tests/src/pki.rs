//! Real certificates for a cluster of one machine: an authority, the API server's, one for each user, and the key
//! that signs service account tokens. P-256 throughout: a key costs microseconds, an RSA one a tenth of a second.

use anyhow::{Result, bail};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// Names and addresses that the API server's certificate is good for; all of the rig is on loopback.
const API_SERVER_NAMES: [&str; 5] = [
    "127.0.0.1",
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
];

/// organizationName in X.520; Kubernetes reads groups from it.
const ORGANISATION_OID: [u64; 4] = [2, 5, 4, 10];

/// A certificate with its key, both PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its private key, PKCS #8.
    pub key: String,
}

/// The key that signs service account tokens, both halves PEM.
#[derive(Clone, Debug)]
pub struct TokenKey {
    /// For signing, PKCS #8.
    pub private: String,
    /// For checking; the API server does not take it from the private half in PKCS #8.
    pub public: String,
}

impl TokenKey {
    /// A new key.
    pub fn new() -> Result<Self> {
        let key = KeyPair::generate()?;
        Ok(Self {
            private: key.serialize_pem(),
            public: key.public_key_pem(),
        })
    }
}

/// The authority that signs everything in one rig.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "opsward-rig");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self {
            certificate,
            issuer: Issuer::new(params, key),
        })
    }

    /// Its certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The API server's identity.
    pub fn api_server(&self) -> Result<Identity> {
        let names: Vec<String> = API_SERVER_NAMES.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params)
    }

    /// A user as Kubernetes reads it from a client certificate: common name = user, organisations = groups.
    pub fn user(&self, name: &str, groups: &[&str]) -> Result<Identity> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        for (position, group) in groups.iter().enumerate() {
            params.distinguished_name.push(organisation(position)?, *group);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Identity> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Identity {
            certificate,
            key: key.serialize_pem(),
        })
    }
}

/// The attribute for the group at `position`. rcgen's name holds each attribute type once, and takes the same object
/// identifier under two spellings for two types; so two groups are possible, which is what a service account has.
fn organisation(position: usize) -> Result<DnType> {
    match position {
        0 => Ok(DnType::OrganizationName),
        1 => Ok(DnType::CustomDnType(ORGANISATION_OID.to_vec())),
        _ => bail!("a rig user has at most two groups"),
    }
}

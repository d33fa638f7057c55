//! The crash matrix.

use rig::{Embedded, Fault, Faults, Opsward, Options, Rig};
use serde_json::Value;

use crate::life::{Plot, end, live};

/// How often a batch may be lived; a life that is alone comes to its fault.
const ROUNDS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_a_request_the_end_and_the_creates_are_the_same() {
    let rig = Rig::start(Options::default()).await.expect("rig");
    let opsward = Opsward::start_roles(&rig, &["correlator", "collector"])
        .await
        .expect("opsward");
    let (faults, kills) = Faults::new();
    let embedded = Embedded::new(&rig, faults.clone()).expect("a controller");
    let tries = async {
        for plot in Plot::ALL {
            let (name, spec) = plot.rule();
            opsward.rule(name, spec).await.expect("a rule");
            let host = format!("{name}-undisturbed");
            let seen = live(&opsward, &rig, plot, std::slice::from_ref(&host)).await;
            let expected = end(&seen.of(&host));
            let requests: Vec<String> = made(&faults, &host);
            println!("{name}: {requests:?}\n{expected:#}");
            for fault in Fault::ALL {
                batch(&rig, &opsward, &faults, plot, (fault, requests.len()), &expected).await;
            }
        }
        rig.quiet_minute()
            .await
            .expect("no request but lease renewals for 60 s");
    };
    tokio::select! {
        () = tries => {}
        ended = embedded.run(kills) => panic!("{ended:?}"),
    }
}

/// As many lives as there are requests, each with the fault at another of them. They disturb each other: a kill is all
/// lives' kill, and a delay may make one write of two, so that some life never comes to its fault; those are lived again.
async fn batch(
    rig: &Rig,
    opsward: &Opsward<'_>,
    faults: &Faults,
    plot: Plot,
    (fault, requests): (Fault, usize),
    expected: &Value,
) {
    let (rule, _) = plot.rule();
    let begun = std::time::Instant::now();
    let mut left: Vec<usize> = (1..=requests).collect();
    for round in 1..=ROUNDS {
        let host = |nth: &usize| format!("{rule}-{fault:?}-{nth}-{round}");
        for nth in &left {
            faults.plan(&host(nth), *nth, fault);
        }
        let hosts: Vec<String> = left.iter().map(host).collect();
        let seen = live(opsward, rig, plot, &hosts).await;
        // The last request of all may have held the watches.
        faults.release();
        for host in &hosts {
            assert_eq!(&end(&seen.of(host)), expected, "{host}: {:?}", made(faults, host));
        }
        let all = faults.made();
        let happened = |nth: &usize| {
            all.iter()
                .any(|made| made.host == host(nth) && made.fault == Some(fault))
        };
        left.retain(|nth| !happened(nth));
        if left.is_empty() {
            let took = begun.elapsed();
            println!("{rule}, {fault:?} at each of {requests} requests: {took:?}, {round} rounds");
            return;
        }
    }
    panic!("{rule}: {fault:?} did not happen at requests {left:?}");
}

/// The mutating requests about one host.
fn made(faults: &Faults, host: &str) -> Vec<String> {
    let all = faults.made();
    let of_host = all.iter().filter(|made| made.host == host);
    of_host.map(|made| made.what.clone()).collect()
}

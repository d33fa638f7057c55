//! A log in memory that confirms, refuses or waits, as a test says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bus::{BusError, DeadLetter, LogState, SourceRecord};
use bytes::Bytes;
use tokio::sync::Semaphore;

use super::Log;

/// What an append comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Confirms,
    /// Waits for [`MemoryLog::release`], then confirms.
    Waits,
    /// Is not confirmed.
    Fails,
    /// Events are confirmed, dead letters are not.
    FailsLetters,
}

/// Clones are the same log.
#[derive(Clone, Debug)]
pub(crate) struct MemoryLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    mood: Mutex<Mood>,
    released: Semaphore,
    arrived: Semaphore,
    connected: AtomicBool,
    packs: Mutex<Vec<(String, Bytes)>>,
    letters: Mutex<Vec<DeadLetter>>,
    payloads: Mutex<Vec<String>>,
    announced: Mutex<Vec<SourceRecord>>,
}

impl MemoryLog {
    pub(crate) fn new(mood: Mood) -> Self {
        Self(Arc::new(Inner {
            mood: Mutex::new(mood),
            released: Semaphore::new(0),
            arrived: Semaphore::new(0),
            connected: AtomicBool::new(true),
            packs: Mutex::default(),
            letters: Mutex::default(),
            payloads: Mutex::default(),
            announced: Mutex::default(),
        }))
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.0.mood.lock().unwrap() = mood;
    }

    pub(crate) fn disconnect(&self) {
        self.0.connected.store(false, Ordering::Relaxed);
    }

    /// Lets one waiting append go on.
    pub(crate) fn release(&self) {
        self.0.released.add_permits(1);
    }

    /// Waits until an append has begun.
    pub(crate) async fn appending(&self) {
        self.0.arrived.acquire().await.unwrap().forget();
    }

    /// Namespace and number of events of each pack.
    pub(crate) fn packs(&self) -> Vec<(String, usize)> {
        let packs = self.0.packs.lock().unwrap();
        let counted = packs
            .iter()
            .map(|(namespace, pack)| (namespace.clone(), events(pack).len()));
        counted.collect()
    }

    /// All events, as JSON.
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        self.0
            .packs
            .lock()
            .unwrap()
            .iter()
            .flat_map(|(_, pack)| events(pack))
            .collect()
    }

    pub(crate) fn letters(&self) -> Vec<DeadLetter> {
        self.0.letters.lock().unwrap().clone()
    }

    /// Names of data stored apart.
    pub(crate) fn payloads(&self) -> Vec<String> {
        self.0.payloads.lock().unwrap().clone()
    }

    pub(crate) fn announced(&self) -> Vec<SourceRecord> {
        self.0.announced.lock().unwrap().clone()
    }

    fn mood(&self) -> Mood {
        *self.0.mood.lock().unwrap()
    }
}

/// Decodes as the correlator does, so that a pack it could not read fails the test.
fn events(pack: &[u8]) -> Vec<serde_json::Value> {
    let mut scratch = Vec::new();
    let json = bus::log::open(pack, &mut scratch).unwrap();
    let bus::log::LogPayload::Events(events) = bus::log::decode(json).unwrap() else {
        panic!("no events")
    };
    events
        .iter()
        .map(|logged| serde_json::to_value(logged.event().unwrap()).unwrap())
        .collect()
}

fn failed() -> BusError {
    BusError::unavailable("append to the log")("timed out".into())
}

impl Log for MemoryLog {
    fn is_connected(&self) -> bool {
        self.0.connected.load(Ordering::Relaxed)
    }

    async fn publish(&self, namespace: &str, pack: Bytes) -> Result<(), BusError> {
        self.0.arrived.add_permits(1);
        match self.mood() {
            Mood::Fails => return Err(failed()),
            Mood::Waits => self.0.released.acquire().await.unwrap().forget(),
            Mood::Confirms | Mood::FailsLetters => {}
        }
        if self.mood() == Mood::Fails {
            return Err(failed());
        }
        self.0.packs.lock().unwrap().push((namespace.to_owned(), pack));
        Ok(())
    }

    async fn dead_letter(&self, letter: &DeadLetter) -> Result<(), BusError> {
        if matches!(self.mood(), Mood::Fails | Mood::FailsLetters) {
            return Err(failed());
        }
        self.0.letters.lock().unwrap().push(letter.clone());
        Ok(())
    }

    async fn payload(&self, name: &str, _: &str) -> Result<(), BusError> {
        if self.mood() == Mood::Fails {
            return Err(failed());
        }
        self.0.payloads.lock().unwrap().push(name.to_owned());
        Ok(())
    }

    async fn state(&self) -> Result<LogState, BusError> {
        match self.mood() {
            Mood::Fails => Err(failed()),
            _ => Ok(LogState {
                bytes: 0,
                max_bytes: 1000,
                replicas: 1,
                first: 0,
                last: 0,
                log_id: String::new(),
            }),
        }
    }

    async fn announce(&self, source: &SourceRecord) -> Result<(), BusError> {
        if self.mood() == Mood::Fails {
            return Err(failed());
        }
        self.0.announced.lock().unwrap().push(source.clone());
        Ok(())
    }

    async fn forget(&self, source: &str) -> Result<(), BusError> {
        self.0
            .announced
            .lock()
            .unwrap()
            .retain(|known| known.name != source);
        Ok(())
    }
}

//! A request's body: read within size and time, unpacked within size. What it says is for `formats`.

use std::error::Error;
use std::io::Read;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::bufread::GzDecoder;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::room::{NoRoom, Reservation};

/// Bytes of a body, packed or not: 1 MiB, some thousand alerts; Alertmanager's own API has no bound, Prometheus
/// sends at most 256 alerts at once.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Time for a body to arrive whole: 10 s, a megabyte over a slow line, and what Alertmanager itself waits.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(10);
/// Bytes that are unpacked without a pause: a body of the largest size leaves the thread to others sixteen times.
const TURN_BYTES: usize = 64 * 1024;

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// More bytes than allowed.
    #[error("the body has more than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// Too many bodies are under way.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// It took too long.
    #[error("the body did not arrive within {} s", BODY_TIME.as_secs())]
    TooSlow,
    /// The connection broke, or the chunks are not HTTP.
    #[error("the body broke off")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

/// Why a packed body cannot be unpacked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GunzipError {
    /// More bytes than allowed come out of it.
    #[error("the unpacked body has more than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// Too many bodies are under way.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// It is not gzip, or not all of it.
    #[error("not gzip as Content-Encoding says: {problem}")]
    Corrupt {
        /// What is wrong.
        problem: String,
        /// What came out before.
        unpacked: Vec<u8>,
    },
}

/// Reads a body of an announced length, if it is announced, taking room as it arrives. A body that came in one piece, as
/// most do, is not copied.
pub(crate) async fn read<B>(body: B, room: &mut Reservation) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    timeout(BODY_TIME, read_all(body, room))
        .await
        .unwrap_or(Err(BodyError::TooSlow))
}

async fn read_all<B>(mut body: B, room: &mut Reservation) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let announced = body
        .size_hint()
        .exact()
        .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if announced.is_some_and(|bytes| bytes > MAX_BODY_BYTES) {
        return Err(BodyError::TooLarge);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyError::Broken(error.into()))?;
        // Trailers mean nothing to us.
        let Ok(piece) = frame.into_data() else { continue };
        if whole.len() + piece.len() > MAX_BODY_BYTES {
            return Err(BodyError::TooLarge);
        }
        room.grow_to(whole.len() + piece.len())?;
        if whole.is_empty() && body.is_end_stream() {
            return Ok(piece);
        }
        if whole.is_empty() {
            // What is announced may never come.
            whole.reserve(announced.unwrap_or_default().min(4 * piece.len()));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// Unpacks one gzip member that is the whole body, taking room as it grows and leaving the thread to other requests now
/// and then.
pub(crate) async fn gunzip(packed: &[u8], room: &mut Reservation) -> Result<Vec<u8>, GunzipError> {
    let mut unpacked = Vec::with_capacity(packed.len().saturating_mul(4).min(TURN_BYTES));
    let mut reader = GzDecoder::new(packed);
    let problem = loop {
        room.grow_to(packed.len() + unpacked.len() + TURN_BYTES)?;
        match reader.by_ref().take(TURN_BYTES as u64).read_to_end(&mut unpacked) {
            _ if unpacked.len() > MAX_BODY_BYTES => return Err(GunzipError::TooLarge),
            Err(error) => break error.to_string(),
            Ok(read) if read == TURN_BYTES => yield_now().await,
            // Several members are legal gzip, but no sender of alerts makes them, and thousands of empty ones would
            // cost a decoder's set-up each.
            Ok(_) if !reader.into_inner().is_empty() => {
                break "bytes follow the first gzip member".to_owned();
            }
            Ok(_) => return Ok(unpacked),
        }
    };
    Err(GunzipError::Corrupt { problem, unpacked })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use futures::stream;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::*;
    use crate::room::Room;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    fn pieces(pieces: usize, bytes: usize) -> impl Body<Data = Bytes, Error = std::io::Error> + Unpin {
        let frame = move |_| Ok(Frame::data(Bytes::from(vec![b' '; bytes])));
        StreamBody::new(stream::iter((0..pieces).map(frame)))
    }

    fn room() -> Reservation {
        Arc::new(Room::default()).reserve(0, false).unwrap()
    }

    #[tokio::test]
    async fn one_piece_is_passed_on_and_many_are_joined() {
        let whole = Bytes::from_static(b"{}");
        assert_eq!(
            read(Full::new(whole.clone()), &mut room())
                .await
                .unwrap()
                .as_ptr(),
            whole.as_ptr()
        );
        assert_eq!(read(pieces(3, 5), &mut room()).await.unwrap().len(), 15);
        assert_eq!(read(pieces(0, 0), &mut room()).await.unwrap().len(), 0);
    }

    #[tokio::test]
    async fn a_megabyte_is_read_and_a_byte_more_is_not() {
        assert_eq!(
            read(pieces(1024, 1024), &mut room()).await.unwrap().len(),
            MAX_BODY_BYTES
        );
        assert!(matches!(
            read(pieces(1025, 1024), &mut room()).await,
            Err(BodyError::TooLarge)
        ));
        let announced = Full::new(Bytes::from(vec![b' '; MAX_BODY_BYTES + 1]));
        assert!(matches!(
            read(announced, &mut room()).await,
            Err(BodyError::TooLarge)
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let silent = StreamBody::new(stream::pending::<Result<Frame<Bytes>, std::io::Error>>());
        assert!(matches!(read(silent, &mut room()).await, Err(BodyError::TooSlow)));
    }

    #[tokio::test]
    async fn gzip_is_unpacked_up_to_the_bound() {
        assert_eq!(gunzip(&gzip(b"{}"), &mut room()).await.unwrap(), b"{}");
        assert_eq!(
            gunzip(&gzip(&vec![b' '; MAX_BODY_BYTES]), &mut room())
                .await
                .unwrap()
                .len(),
            MAX_BODY_BYTES
        );
    }

    #[tokio::test]
    async fn a_gzip_bomb_stops_at_the_bound() {
        let bomb = gzip(&vec![0; 100 * MAX_BODY_BYTES]);
        assert!(bomb.len() < MAX_BODY_BYTES);
        assert_eq!(gunzip(&bomb, &mut room()).await, Err(GunzipError::TooLarge));
    }

    #[tokio::test]
    async fn what_is_not_wholly_gzip_says_so_and_keeps_what_came_out() {
        let packed = gzip(b"hello hello hello");
        for bad in [
            &b"{}"[..],
            b"",
            &packed[..packed.len() - 4],
            &[packed.as_slice(), &packed].concat(),
        ] {
            assert!(
                matches!(gunzip(bad, &mut room()).await, Err(GunzipError::Corrupt { .. })),
                "{bad:?}"
            );
        }
        let Err(GunzipError::Corrupt { unpacked, .. }) =
            gunzip(&packed[..packed.len() - 4], &mut room()).await
        else {
            panic!()
        };
        assert_eq!(unpacked, b"hello hello hello");
    }
}

//! Logs of the process: one subscriber, to stderr, as text for people or JSON for collectors.
//!
//! stdout stays free for the results of commands. Metrics are not here: they are the [`crate::admin`] page.

use std::fmt;
use std::io::IsTerminal;
use std::panic::PanicHookInfo;
use std::str::FromStr;

use serde::Deserialize;
use tracing::{Dispatch, dispatcher, error};
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt::MakeWriter;

/// Environment variable whose filter goes before the configured one, e.g. `debug,kube_client=trace`.
pub const FILTER_VARIABLE: &str = "RUST_LOG";

/// What is logged when neither environment nor configuration says.
const DEFAULT_FILTER: &str = "info";

/// Libraries that tell of each request at `info` or `debug`. Put before the user's filter, so that plain `debug` is
/// about Opsward, and `debug,kube_client=debug` still brings one of them back.
const QUIET_LIBRARIES: &str = "kube_client=off,kube_runtime=warn,hyper=warn,hyper_util=warn,\
    async_nats=warn,rustls=warn,reqwest=warn,tower=warn,h2=warn";

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line for people; coloured only when stderr is a terminal and `NO_COLOR` is not set.
    #[default]
    Text,
    /// One JSON object a line: `timestamp`, `level`, `target`, `message` and the event's own fields.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("log filter {filter:?} is not valid; write a level such as `info`, or `info,correlator=debug`")]
    Filter {
        /// The filter as it was given.
        filter: String,
        /// What the parser says.
        #[source]
        source: ParseError,
    },
    /// `init` was called before in this process.
    #[error("logging is already set up")]
    AlreadySet,
}

/// A log format that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("log format {0:?} does not exist; use `text` or `json`")]
pub struct UnknownLogFormat(String);

impl FromStr for LogFormat {
    type Err = UnknownLogFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(UnknownLogFormat(other.to_owned())),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// Sets up logging for the whole process, panics included; call it once, first thing in `main`.
///
/// `configured` is the filter of the configuration file or command line; [`FILTER_VARIABLE`] goes before it.
pub fn init(format: LogFormat, configured: Option<&str>) -> Result<(), TelemetryError> {
    let environment = std::env::var(FILTER_VARIABLE)
        .ok()
        .filter(|filter| !filter.is_empty());
    let filter = filter(environment.as_deref().or(configured).unwrap_or(DEFAULT_FILTER))?;
    let dispatch = dispatch(format, filter, std::io::stderr);
    dispatcher::set_global_default(dispatch).map_err(|_| TelemetryError::AlreadySet)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn filter(wanted: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(format!("{QUIET_LIBRARIES},{wanted}")).map_err(|source| TelemetryError::Filter {
        filter: wanted.to_owned(),
        source,
    })
}

fn dispatch<W>(format: LogFormat, filter: EnvFilter, writer: W) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    match format {
        LogFormat::Text => Dispatch::new(builder.with_ansi(coloured()).finish()),
        LogFormat::Json => {
            let json = builder
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false);
            Dispatch::new(json.finish())
        }
    }
}

/// `NO_COLOR`: <https://no-color.org>.
fn coloured() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Panics become log lines too: the default hook's free text would break JSON logs.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    error!(panic = message, location, "a bug: code panicked");
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing::{debug, info};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, wanted: &str, write: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let dispatch = dispatch(format, filter(wanted).unwrap(), move || writer.clone());
        dispatcher::with_default(&dispatch, write);
        String::from_utf8(captured.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_lines_carry_level_message_and_fields() {
        let line = logged(LogFormat::Json, "info", || {
            info!(namespace = "shop", "incident opened");
        });
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "incident opened");
        assert_eq!(line["namespace"], "shop");
        assert_eq!(line["target"], "platform::telemetry::tests");
    }

    #[test]
    fn text_has_no_colour_codes_when_stderr_is_no_terminal() {
        let text = logged(LogFormat::Text, "info", || info!("started"));
        assert!(text.contains("started"), "{text}");
        assert!(coloured() || !text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn libraries_stay_quiet_at_debug_unless_named() {
        let chat = || {
            debug!(target: "kube_client::client", "watch");
            debug!(target: "correlator", "step");
        };
        let quiet = logged(LogFormat::Text, "debug", chat);
        assert!(quiet.contains("step") && !quiet.contains("watch"), "{quiet}");
        let named = logged(LogFormat::Text, "debug,kube_client=debug", chat);
        assert!(named.contains("watch"), "{named}");
    }

    #[test]
    fn a_wrong_filter_is_named() {
        let error = filter("info,correlator=loud").unwrap_err();
        assert!(error.to_string().contains("info,correlator=loud"), "{error}");
    }

    #[test]
    fn formats_are_read_back_as_written() {
        for format in [LogFormat::Text, LogFormat::Json] {
            assert_eq!(format.to_string().parse::<LogFormat>().unwrap(), format);
        }
        assert!("xml".parse::<LogFormat>().is_err());
    }
}

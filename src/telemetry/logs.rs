//! Logs: events of `tracing`, written to stderr, as lines for people or as JSON.

use std::fmt;
use std::io::IsTerminal;
use std::panic;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{self, Writer};
use tracing_subscriber::util::SubscriberInitExt;

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: one coloured line each.
    Pretty,
    /// For machines: one JSON object each, RFC 3339 times in UTC.
    Json,
}

/// The text is neither `pretty` nor `json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a log format is `pretty` or `json`")]
pub struct InvalidFormat;

impl FromStr for Format {
    type Err = InvalidFormat;

    fn from_str(text: &str) -> Result<Self, InvalidFormat> {
        match text {
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err(InvalidFormat),
        }
    }
}

/// The level is none of `error`, `warn`, `info`, `debug`, `trace`, nor a list of `target=level`.
#[derive(Debug, thiserror::Error)]
#[error("`{level}` is not a log level")]
pub struct InvalidLevel {
    level: String,
    source: tracing_subscriber::filter::ParseError,
}

/// Starts the log. `level` is a level, or directives such as `info,sqlx=warn`. Only the first call in
/// a process has an effect, so that tests may each ask for it.
pub fn init(format: Format, level: &str) -> Result<(), InvalidLevel> {
    let subscriber = subscriber(format, level, std::io::stderr, std::io::stderr().is_terminal())?;
    // Another subscriber is there already: it stays.
    let _ = subscriber.try_init();
    Ok(())
}

/// Sends panics to the log, with their place. For the binary only: a test wants to see its own.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "panic: {}", panic.payload_as_str().unwrap_or("no message"));
    }));
}

type Log = Box<dyn tracing::Subscriber + Send + Sync>;

fn subscriber<W>(format: Format, level: &str, writer: W, colours: bool) -> Result<Log, InvalidLevel>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(level)
        .map_err(|source| InvalidLevel { level: level.to_owned(), source })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(colours);
    Ok(match format {
        Format::Json => Box::new(log.json().flatten_event(true).with_span_list(false).finish()),
        Format::Pretty => Box::new(log.fmt_fields(format::debug_fn(field).delimited(" ")).finish()),
    })
}

/// A value from outside must not forge a line nor steer a terminal.
fn field(writer: &mut Writer<'_>, field: &tracing::field::Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{}=", field.name())?;
    }
    for c in format!("{value:?}").chars() {
        if c.is_control() {
            write!(writer, "{}", c.escape_default())?
        } else {
            fmt::Write::write_char(writer, c)?
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(format: Format, event: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let log = subscriber(format, "info", move || writer.clone(), false).unwrap();
        tracing::subscriber::with_default(log, event);
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_is_one_flat_object_per_line_with_a_utc_time() {
        let line = written(Format::Json, || {
            let _span = tracing::info_span!("request", request_id = "r1").entered();
            tracing::info!(answer = 42, "it\nworks");
        });
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (line.matches('\n').count(), &json["answer"], &json["message"]),
            (1, &42.into(), &"it\nworks".into())
        );
        assert_eq!((&json["level"], &json["span"]["request_id"]), (&"INFO".into(), &"r1".into()));
        let time: crate::base::clock::Timestamp = json["timestamp"].as_str().unwrap().parse().unwrap();
        assert!(time.seconds() > 1_700_000_000 && json["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_value_can_neither_forge_a_line_nor_steer_the_terminal() {
        let line = written(Format::Pretty, || tracing::info!(name = %"a\n\x1b[31mERROR\u{9b}b", "x\r\ny"));
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.contains(r"name=a\n\u{1b}[31mERROR\u{9b}b") && line.contains(r"x\r\ny"), "{line}");
    }

    #[test]
    fn what_is_below_the_level_is_left_out() {
        assert_eq!(written(Format::Json, || tracing::debug!("quiet")), "");
    }

    #[test]
    fn a_level_that_is_none_is_named() {
        assert_eq!(
            init(Format::Json, "loud=very").unwrap_err().to_string(),
            "`loud=very` is not a log level"
        );
    }

    #[test]
    fn starting_twice_is_harmless() {
        assert!(init(Format::Json, "off").is_ok() && init(Format::Pretty, "off").is_ok());
    }
}

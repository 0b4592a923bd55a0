//! Logs: events of `tracing`, written to stderr, as lines for people or as JSON.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IsTerminal};
use std::panic;
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::field::{MakeExt, RecordFields};
use tracing_subscriber::filter::{FilterExt, ParseError, dynamic_filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{self, FormatFields, Writer};
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use super::escape::Escaping;
use super::json::Json;
use super::subject::{self, Subject};
use crate::config;

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
    source: Option<ParseError>,
}

/// Hears of the events and spans of `tracing`, beside the log.
pub type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// Says, each time, whether a span is made.
pub type Wanted = fn(&Metadata<'_>) -> bool;

/// How much is logged in this process, and what changes it.
static LEVEL: OnceLock<Dial> = OnceLock::new();

struct Dial {
    filter: reload::Handle<EnvFilter, Registry>,
    level: Mutex<String>,
}

/// Starts the log, and whoever listens beside it, to those `spans` that are made, or to none. `level` is a
/// level, or directives such as `info,sqlx=warn`. Only the first call in a process has an effect, so that tests
/// may each ask for it.
pub fn init(
    format: Format,
    level: &str,
    listeners: Vec<Listener>,
    spans: Option<Wanted>,
) -> Result<(), InvalidLevel> {
    let (filter, handle) = reload::Layer::new(filter(level)?);
    let log = layer(format, filter, io::stderr, io::stderr().is_terminal());
    let all = listeners.into_iter().chain([log]).collect::<Vec<_>>();
    // Where another subscriber is there already, it stays.
    if subscriber(all, spans).try_init().is_ok() {
        _ = LEVEL.set(Dial { filter: handle, level: Mutex::new(level.to_owned()) });
    }
    Ok(())
}

/// How much is logged at present; `None` where this process has no log of ours.
pub fn level() -> Option<String> {
    Some(LEVEL.get()?.level.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Changes how much is logged, until the process ends; says what it was before, `None` as for [`level`].
pub fn set_level(new: &str) -> Result<Option<String>, InvalidLevel> {
    let filter = filter(new)?;
    let Some(dial) = LEVEL.get() else { return Ok(None) };
    let mut level = dial.level.lock().unwrap_or_else(PoisonError::into_inner);
    // It fails where the subscriber is gone, and then there is nothing to change.
    _ = dial.filter.reload(filter);
    Ok(Some(std::mem::replace(&mut *level, new.to_owned())))
}

/// A registry makes every span, though each of its listeners declines it. So this is asked before.
fn subscriber(listeners: Vec<Listener>, spans: Option<Wanted>) -> impl Subscriber + Send + Sync {
    let is_made = move |metadata: &Metadata<'_>| spans.is_some_and(|wanted| wanted(metadata));
    let all = dynamic_filter_fn(move |metadata, _| !metadata.is_span() || is_made(metadata));
    let all = all.with_callsite_filter(move |metadata| match (!metadata.is_span(), spans) {
        (true, _) => Interest::always(),
        (false, Some(_)) => Interest::sometimes(),
        (false, None) => Interest::never(),
    });
    tracing_subscriber::registry().with(listeners).with(all)
}

fn filter(level: &str) -> Result<EnvFilter, InvalidLevel> {
    let invalid = |source| InvalidLevel { level: level.to_owned(), source };
    if !config::is_log_level(level) {
        return Err(invalid(None));
    }
    EnvFilter::builder().parse(level).map_err(|source| invalid(Some(source)))
}

thread_local! {
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Sends panics to the log, with their place. For the binary only: a test wants to see its own.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        PANICKED_AT.set(location.clone());
        tracing::error!(location, "panic: {}", panic.payload_as_str().unwrap_or("no message"));
    }));
}

/// Where this thread panicked last, for whoever has just caught it.
pub fn panicked_at() -> Option<String> {
    PANICKED_AT.take()
}

fn layer<W>(
    format: Format,
    filter: impl Filter<Registry> + Send + Sync + 'static,
    writer: W,
    colours: bool,
) -> Listener
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let log = tracing_subscriber::fmt::layer().with_ansi(colours);
    // One that is asked each time. Somebody who only asks whether a line would be written (`enabled!`, as
    // sqlx does) leaves the answer behind in the thread, and a line whose answer is known beforehand would
    // take that for its own.
    let filter = filter.and(dynamic_filter_fn(|metadata, _| !metadata.is_span()));
    match format {
        Format::Json => {
            let log = log.event_format(Json).with_writer(Escaping(writer));
            log.with_filter(filter).boxed()
        }
        Format::Pretty => {
            let log = log.fmt_fields(Pretty).with_writer(writer);
            log.with_filter(filter).boxed()
        }
    }
}

/// The fields of a line for people, those of its request last.
struct Pretty;

impl<'w> FormatFields<'w> for Pretty {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        format::debug_fn(field).delimited(" ").format_fields(writer.by_ref(), fields)?;
        let tell = |subject: &Subject| {
            subject.fields().try_for_each(|(name, value)| write!(writer, " {name}={value}"))
        };
        subject::current(tell).unwrap_or(Ok(()))
    }
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

    use futures_util::FutureExt;

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
        let log = layer(format, filter("info").unwrap(), move || writer.clone(), false);
        tracing::subscriber::with_default(subscriber(vec![log], Some(|_| true)), event);
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_is_one_flat_object_per_line_with_a_utc_time() {
        let line = written(Format::Json, || tracing::info!(answer = 42, half = 0.5, "it\nworks"));
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (line.matches('\n').count(), &json["answer"], &json["message"]),
            (1, &42.into(), &"it\nworks".into())
        );
        assert_eq!((&json["level"], &json["half"]), (&"INFO".into(), &0.5.into()));
        let time: crate::base::clock::Timestamp = json["timestamp"].as_str().unwrap().parse().unwrap();
        assert!(time.seconds() > 1_700_000_000 && json["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    /// What is written of work that is about the request `r1`.
    fn written_about(format: Format, event: fn()) -> String {
        let subject = Arc::new(Subject::new("r1".into(), None));
        written(format, || _ = subject::about(subject, async { event() }).now_or_never())
    }

    #[test]
    fn a_line_has_its_request_and_whatever_is_known_of_it_by_then() {
        let lines = written_about(Format::Json, || {
            tracing::info!("before");
            subject::called_by("ada");
            tracing::info!(user_id = "bob", "after");
            tracing::info!("at last");
        });
        let lines: Vec<serde_json::Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told = lines.iter().map(|line| (line["request_id"].as_str(), line["user_id"].as_str()));
        let r1 = Some("r1");
        assert!(told.eq([(r1, None), (r1, Some("bob")), (r1, Some("ada"))]), "{lines:?}");
        let line = written_about(Format::Pretty, || tracing::info!(answer = 42, "it works"));
        assert!(line.ends_with("it works answer=42 request_id=r1\n"), "{line}");
    }

    #[test]
    fn a_span_is_for_traces_and_leaves_nothing_in_a_line() {
        let line = written(Format::Json, || {
            tracing::info_span!("hash", queue_ms = 7).in_scope(|| tracing::info!("here"));
        });
        assert!(!line.contains("queue_ms"), "{line}");
    }

    #[test]
    fn a_value_can_neither_forge_a_line_nor_steer_the_terminal() {
        let line = written(Format::Pretty, || tracing::info!(name = %"a\n\x1b[31mERROR\u{9b}b", "x\r\ny"));
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.contains(r"name=a\n\u{1b}[31mERROR\u{9b}b") && line.contains(r"x\r\ny"), "{line}");
        let line = written(Format::Json, || tracing::info!(name = %"a\n\x1b[31mERROR\u{9b}b\x7f", "x\r\ny"));
        assert!(!line.trim_end().contains(char::is_control), "{line:?}");
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&json["name"], &json["message"]),
            (&"a\n\x1b[31mERROR\u{9b}b\x7f".into(), &"x\r\ny".into())
        );
    }

    #[test]
    fn a_span_that_nobody_wants_is_not_made() {
        let is_made = |spans| {
            let log = layer(Format::Json, filter("trace").unwrap(), io::sink, false);
            let span = || tracing::trace_span!("hash");
            let span = tracing::subscriber::with_default(subscriber(vec![log], spans), span);
            !span.is_disabled()
        };
        assert!(is_made(Some(|metadata| metadata.name() == "hash")));
        assert!(!is_made(Some(|metadata| metadata.name() == "sql")) && !is_made(None));
    }

    #[test]
    fn what_is_below_the_level_is_left_out() {
        assert_eq!(written(Format::Json, || tracing::debug!("quiet")), "");
    }

    #[test]
    fn a_level_that_is_none_is_named() {
        assert_eq!(
            init(Format::Json, "loud=very", Vec::new(), None).unwrap_err().to_string(),
            "`loud=very` is not a log level"
        );
    }

    #[test]
    fn starting_twice_is_harmless() {
        assert!(init(Format::Json, "off", Vec::new(), None).is_ok());
        assert!(init(Format::Pretty, "off", Vec::new(), None).is_ok());
    }
}

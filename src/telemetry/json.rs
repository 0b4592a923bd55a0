//! A line of the log as one flat JSON object. The subscriber's own formatter writes the same, at three times
//! the cost: it brings each piece of a line through several writers, on every request.

use std::cell::RefCell;
use std::fmt::{self, Debug};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use super::spelling::Spelling;
use super::subject;

/// How records of the `log` crate say where they are from.
const FROM_LOG: &str = "log.";

pub(super) struct Json;

thread_local! {
    static TIME: RefCell<Spelling> = RefCell::default();
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Object::begin();
        TIME.with_borrow_mut(|time| line.add("timestamp", time.now()));
        line.add("level", event.metadata().level().as_str());
        event.record(&mut line);
        let target = line.target.take();
        line.add("target", target.as_deref().unwrap_or(event.metadata().target()));
        subject::current(|subject| {
            let own = event.metadata().fields();
            subject.fields().filter(|(name, _)| own.field(name).is_none()).for_each(|(name, value)| {
                line.add(name, value);
            });
        });
        writer.write_str(&line.end()?)?;
        writer.write_char('\n')
    }
}

/// A JSON object that is not closed yet.
struct Object {
    text: Vec<u8>,
    /// Where a record of the `log` crate is from.
    target: Option<String>,
    failed: bool,
}

impl Object {
    fn begin() -> Self {
        let mut text = Vec::with_capacity(512);
        text.push(b'{');
        Self { text, target: None, failed: false }
    }

    fn add(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.name(name);
        self.failed |= serde_json::to_writer(&mut self.text, value).is_err();
    }

    fn name(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(b',');
        }
        // Names are words of the source, which hold nothing to escape.
        for piece in ["\"", name, "\":"] {
            self.text.extend_from_slice(piece.as_bytes());
        }
    }

    fn field(&mut self, field: &Field, value: impl Serialize) {
        let name = field.name();
        if !name.starts_with(FROM_LOG) {
            self.add(name, &value);
        }
    }

    fn end(mut self) -> Result<String, fmt::Error> {
        self.text.push(b'}');
        if self.failed { Err(fmt::Error) } else { String::from_utf8(self.text).map_err(|_| fmt::Error) }
    }
}

impl Visit for Object {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.field(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            self.target = Some(value.to_owned());
        }
        self.field(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.field(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.field(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, value);
    }
}

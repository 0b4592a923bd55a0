//! A line of the log as one flat JSON object. The subscriber's own formatter writes the same, at three times
//! the cost: it reads the fields of a span and writes them anew for each that becomes known later, and brings
//! each piece of a line through several writers, on every request.

use std::fmt::{self, Debug};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// What is meant for traces only is left out.
const FOR_TRACES: &str = "otel.";
/// How records of the `log` crate say where they are from.
const FROM_LOG: &str = "log.";

pub(super) struct Json;

impl<S> FormatEvent<S, Json> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, Json>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::with_capacity(32);
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = Object::begin();
        line.add("timestamp", &time);
        line.add("level", event.metadata().level().as_str());
        event.record(&mut line);
        let target = line.target.take();
        line.add("target", target.as_deref().unwrap_or(event.metadata().target()));
        if let Some(span) =
            event.parent().and_then(|id| context.span(id)).or_else(|| context.lookup_current())
        {
            let fields = span.extensions();
            let mut object = Object::resume(fields.get::<FormattedFields<Self>>().map(|it| it.as_str()));
            object.add("name", span.name());
            line.nest("span", &object.end()?);
        }
        writer.write_str(&line.end()?)?;
        writer.write_char('\n')
    }
}

impl<'w> FormatFields<'w> for Json {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut object = Object::begin();
        fields.record(&mut object);
        writer.write_str(&object.end()?)
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let mut object = Object::resume(Some(&current.fields));
        fields.record(&mut object);
        current.fields = object.end()?;
        Ok(())
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

    /// One that was closed is open again.
    fn resume(closed: Option<&str>) -> Self {
        let mut object = Self::begin();
        let members = closed.and_then(|text| text.strip_prefix('{')?.strip_suffix('}'));
        object.text.extend_from_slice(members.unwrap_or_default().as_bytes());
        object
    }

    fn add(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.name(name);
        self.failed |= serde_json::to_writer(&mut self.text, value).is_err();
    }

    fn nest(&mut self, name: &str, json: &str) {
        self.name(name);
        self.text.extend_from_slice(json.as_bytes());
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
        if !name.starts_with(FOR_TRACES) && !name.starts_with(FROM_LOG) {
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
        if !field.name().starts_with(FOR_TRACES) {
            self.field(field, format!("{value:?}"));
        }
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

//! People as JSON objects, one a line.

use serde_json::error::Category;

use super::Fault;
use super::lines::Piece;
use super::row::{Row, column, no_column};

/// The person of a line.
pub fn row(piece: &Piece) -> Result<Row, Fault> {
    let whole = |code, message: String| Fault::whole(piece.line, code, message);
    let text = piece.bytes.trim_ascii();
    if !text.starts_with(b"{") {
        return Err(whole("invalid_json", "the line is no JSON object".into()));
    }
    let mut json = serde_json::Deserializer::from_slice(text);
    let row = serde_path_to_error::deserialize(&mut json);
    let row: Row = row.map_err(|error| {
        let (path, error) = (error.path().to_string(), error.inner());
        let said = error.to_string();
        let quoted = said.split('`').nth(1).unwrap_or_default();
        let fault = |place: &str, message: &str| {
            let (column, message) = (column(place), message.to_owned());
            Fault { line: piece.line, column, code: "invalid_value", message }
        };
        // What the parser says may hold what the line says, so it is not passed on.
        match error.classify() {
            Category::Data if said.starts_with("unknown field") => whole("unknown_column", no_column(quoted)),
            Category::Data if said.starts_with("duplicate field") => fault(quoted, "it is there twice"),
            Category::Data => {
                fault(path.split(['.', '[']).next().unwrap_or_default(), "it is of the wrong type")
            }
            _ => whole("invalid_json", format!("the line is no JSON from character {} on", error.column())),
        }
    })?;
    json.end().map_err(|_| whole("invalid_json", "something follows the JSON object".into()))?;
    Ok(row)
}

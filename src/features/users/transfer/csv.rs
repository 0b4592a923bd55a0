//! People as records of CSV (RFC 4180): a header, and a cell for each of its columns.

use csv::{ByteRecord, ReaderBuilder, Terminator};

use super::Fault;
use super::lines::Piece;
use super::row::{Row, column, no_column};

/// Which column stands at which place; what is wrong otherwise.
pub fn header(piece: &Piece) -> Result<Vec<&'static str>, String> {
    let mut header = Vec::new();
    for cell in &cells(piece)? {
        let name = std::str::from_utf8(cell).unwrap_or_default().trim();
        let column = column(name).ok_or_else(|| no_column(name))?;
        if header.contains(&column) {
            return Err(format!("{column} is there twice"));
        }
        header.push(column);
    }
    if header.contains(&"email") { Ok(header) } else { Err("email is missing".into()) }
}

fn cells(piece: &Piece) -> Result<ByteRecord, String> {
    // The line is cut already: a bare CR is a character like others, and one that no name may have.
    let line = piece.bytes.strip_suffix(b"\r").unwrap_or(&piece.bytes);
    let mut reader = ReaderBuilder::new()
        .terminator(Terminator::Any(b'\n'))
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(1024)
        .from_reader(line);
    let mut record = ByteRecord::new();
    reader.read_byte_record(&mut record).map_err(|error| error.to_string())?;
    Ok(record)
}

/// The person of a record.
pub fn row(piece: &Piece, header: &[&'static str]) -> Result<Row, Fault> {
    let wrong = |message: String| Fault::whole(piece.line, "invalid_csv", message);
    let cells = cells(piece).map_err(wrong)?;
    if cells.len() != header.len() {
        return Err(wrong(format!("the line has {} cells and not {}", cells.len(), header.len())));
    }
    let mut row = Row::default();
    for (column, cell) in header.iter().zip(&cells) {
        let text = std::str::from_utf8(cell).unwrap_or_default();
        if !text.is_empty() {
            row.put(column, text)
                .map_err(|message| Fault::new(piece.line, column, "invalid_value", message))?;
        }
    }
    Ok(row)
}

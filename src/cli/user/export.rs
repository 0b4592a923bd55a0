//! `stead user export`: all accounts as a file.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::import::format_of;
use crate::access::principal::Actor;
use crate::cli::failure::Failure;
use crate::features::users::service::Users;
use crate::features::users::transfer::Format;
use crate::features::users::transfer::export::{Export, ExportError};

#[derive(Args)]
#[command(
    after_help = "Example: stead user export --format csv people.csv\n\nDeleted accounts are left out. The audit log says that accounts were exported."
)]
pub struct ExportUsers {
    /// Where to; made for its owner alone, and replaced if it is there
    #[arg(value_name = "FILE|-", default_value = "-")]
    file: PathBuf,
    /// csv or ndjson [default: by the name of the file, and csv for -]
    #[arg(long)]
    format: Option<Format>,
    /// With everybody's password hash, for a move to another server
    #[arg(long)]
    with_hashes: bool,
    /// Put an apostrophe before cells that a spreadsheet would compute: those that begin with = + - @
    #[arg(long)]
    for_spreadsheets: bool,
}

impl ExportUsers {
    pub async fn act(self, users: &Users) -> Result<(), Failure> {
        let to_terminal = self.file == Path::new("-");
        let format = match self.format {
            None if to_terminal => Format::Csv,
            format => format_of(&self.file, format)?,
        };
        if self.with_hashes {
            eprintln!(
                "warning: whoever has this file can guess passwords without a limit; keep it as long as the move takes"
            );
        }
        let export =
            Export { format, with_hashes: self.with_hashes, for_spreadsheets: self.for_spreadsheets };
        let mut out: Box<dyn Write + Send> = match to_terminal {
            true => Box::new(BufWriter::new(io::stdout())),
            false => Box::new(BufWriter::new(private(&self.file)?)),
        };
        match users.export_everyone(export, Actor::OPERATOR, &mut *out).await {
            Ok(written) if !to_terminal => {
                eprintln!("exported {written} accounts to {}", self.file.display());
                Ok(())
            }
            // A reader that has seen enough (`| head`) is no failure.
            Err(ExportError::Io(error)) if to_terminal && error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => Ok(done.map(drop)?),
        }
    }
}

/// A file that its owner alone can read.
fn private(path: &Path) -> Result<std::fs::File, Failure> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.map_err(|error| format!("{}: {error}", path.display()).into())
}

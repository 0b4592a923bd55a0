//! `stead user export`: all accounts as a file.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter};
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
        if !to_terminal {
            let written = into_file(users, export, &self.file).await?;
            eprintln!("exported {written} accounts to {}", self.file.display());
            return Ok(());
        }
        let mut out = BufWriter::new(io::stdout());
        match users.export_everyone(export, Actor::OPERATOR, &mut out).await {
            // A reader that has seen enough (`| head`) is no failure.
            Err(ExportError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => Ok(done.map(drop)?),
        }
    }
}

/// Writes a file that its owner alone can read, under a name of its own until it is whole: what had the
/// name before stays until then.
async fn into_file(users: &Users, export: Export, path: &Path) -> Result<u64, Failure> {
    let failed = |error: io::Error| -> Failure { format!("{}: {error}", path.display()).into() };
    let mut part = path.to_path_buf();
    part.as_mut_os_string().push(".part");
    // What somebody left there, or laid there, is not written into.
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).map_err(failed)?;
    let mut out = BufWriter::new(file);
    let written = users.export_everyone(export, Actor::OPERATOR, &mut out).await;
    let whole = written.map_err(Failure::from).and_then(|written| {
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&part, path).map_err(failed)?;
        Ok(written)
    });
    if whole.is_err() {
        _ = fs::remove_file(&part);
    }
    whole
}

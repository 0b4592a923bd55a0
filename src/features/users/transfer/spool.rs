//! Hashes that are made before the transaction that needs them. They wait in a temporary file without a
//! name: nobody else can open it, and it is gone with the process, however that ends.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};

use super::check::{Key, Newcomer};
use crate::base::email::Email;
use crate::features::users::model::PasswordHash;

/// Takes hashes, in the order of the file of people.
pub struct Spool(BufWriter<File>);

impl Spool {
    pub fn new() -> io::Result<Self> {
        Ok(Self(BufWriter::new(tempfile::tempfile()?)))
    }

    pub fn put(&mut self, newcomers: &[Newcomer]) -> io::Result<()> {
        for Newcomer { email, key, .. } in newcomers {
            if let Key::Hash(hash) = key {
                writeln!(self.0, "{} {}", email.as_str(), hash.0)?;
            }
        }
        Ok(())
    }

    pub fn rewind(self) -> io::Result<Hashes> {
        let mut file = self.0.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Hashes(BufReader::new(file)))
    }
}

/// Gives the hashes back, in the same order.
pub struct Hashes(BufReader<File>);

impl Hashes {
    /// The next hash; `None` if it is not that of `email`, because the file of people has changed.
    pub fn next(&mut self, email: &Email) -> io::Result<Option<PasswordHash>> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let entry = line.strip_suffix('\n').and_then(|line| line.split_once(' '));
        Ok(entry.filter(|(whose, _)| *whose == email.as_str()).map(|(_, hash)| PasswordHash(hash.to_owned())))
    }
}

//! One file for each mail, whole or not at all. The same mail always gets the same name.

use std::io;
use std::path::Path;

use tokio::fs::{self, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::failure::{Failure, Kind};
use crate::mail::outbox::MailId;

pub(super) async fn write(folder: &Path, id: MailId, mail: &[u8]) -> Result<(), Failure> {
    let written = replace(folder, id, mail).await;
    written.map_err(|error| Failure::new(Kind::Lost, format!("the folder: {error}")))
}

async fn replace(folder: &Path, id: MailId, mail: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder).await?;
    let (part, whole) = (folder.join(format!(".{id}.part")), folder.join(format!("{id}.eml")));
    // Links in mails open accounts: nobody else is to read them.
    let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).clone();
    let mut file = options.open(&part).await?;
    file.write_all(mail).await?;
    file.sync_all().await?;
    fs::rename(part, whole).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::base::random::Random;

    #[tokio::test]
    async fn a_mail_is_one_file_however_often_it_is_written() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        let id = MailId::fresh(&Clock::system(), &Random::seeded(1));
        for text in ["longer than the other", "short"] {
            write(&folder, id, text.as_bytes()).await.unwrap();
        }
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files, [folder.join(format!("{id}.eml"))]);
        assert_eq!(std::fs::read_to_string(&files[0]).unwrap(), "short");
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_fails_the_round() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("file"), "").unwrap();
        let id = MailId::fresh(&Clock::system(), &Random::seeded(1));
        assert_eq!(write(&home.path().join("file"), id, b"x").await.unwrap_err().kind, Kind::Lost);
    }
}

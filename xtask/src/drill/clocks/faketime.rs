//! libfaketime: the time that a process is shown, but for the clock that only ever goes on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

pub const MISSING: &str = "no libfaketime (Debian: apt-get install faketime)";

pub struct Faketime {
    library: String,
}

/// A clock that can be set while a server looks at it.
pub struct Hands {
    file: PathBuf,
    library: String,
}

impl Faketime {
    pub fn find() -> Option<Self> {
        let folders = fs::read_dir("/usr/lib").ok()?.flatten().map(|folder| folder.path());
        let mut files = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
        let library = files.find(|file| file.is_file())?;
        Some(Self { library: library.to_string_lossy().into_owned() })
    }

    /// The variables of a server that sees a clock so far off.
    pub fn shows<'a>(&'a self, off: &'a str) -> Vec<(&'a str, &'a str)> {
        [common(&self.library).as_slice(), &[("FAKETIME", off)]].concat()
    }

    /// A clock that is right, until it is set.
    pub fn hands(&self, folder: &Path) -> Result<Hands> {
        let hands = Hands { file: folder.join("faketime"), library: self.library.clone() };
        hands.set("+0")?;
        Ok(hands)
    }
}

impl Hands {
    /// How far off it is from now on.
    pub fn set(&self, off: &str) -> Result<()> {
        // Renamed, since a file is looked at that is being written.
        let new = self.file.with_extension("new");
        fs::write(&new, off)?;
        Ok(fs::rename(new, &self.file)?)
    }

    /// The variables of a server that sees it.
    pub fn shown(&self) -> Vec<(&str, &str)> {
        let file = self.file.to_str().unwrap_or_default();
        let looked_at = [("FAKETIME_TIMESTAMP_FILE", file), ("FAKETIME_NO_CACHE", "1")];
        [common(&self.library).as_slice(), &looked_at].concat()
    }
}

/// A step of a real clock leaves the monotonic one alone, and the times of files.
fn common(library: &str) -> [(&str, &str); 4] {
    [
        ("LD_PRELOAD", library),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
        ("NO_FAKE_STAT", "1"),
    ]
}

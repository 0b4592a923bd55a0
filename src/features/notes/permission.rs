//! What one may be permitted to do with notes.

use crate::permission;

permission!(pub ReadAllNotes = "notes:read_all", "Read everybody's notes");

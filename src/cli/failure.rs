//! An error on its way to the terminal.

use std::error::Error;

pub type Failure = Box<dyn Error + Send + Sync>;

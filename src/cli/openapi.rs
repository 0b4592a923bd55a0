//! `stead openapi`: the document, without a database or a server.

use clap::Args;

use super::context::print;
use super::failure::Failure;
use crate::app;
use crate::config::Config;

#[derive(Args)]
#[command(after_help = "Example: stead openapi > openapi.json")]
pub struct Openapi {}

impl Openapi {
    pub fn run(self, config: &Config) -> Result<(), Failure> {
        print(app::document(config)?.to_pretty_json()?)
    }
}

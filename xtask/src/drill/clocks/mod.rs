//! Machines whose clocks are wrong, and clocks that are set while servers run: libfaketime shows each
//! server a time of its own.

mod faketime;
mod jump;
mod post;
mod skew;
mod work;

use anyhow::Result;

use super::stage::{Database, Stage, block_on};
use super::{Context, Drill, Findings, Part};
use faketime::Faketime;
use post::Post;

pub const DRILL: Drill = Drill {
    name: "clocks",
    about: "machines whose clocks are wrong, or are set while servers run",
    parts: &[
        Part { about: "three servers on PostgreSQL, thirty seconds apart", run: skewed },
        Part { about: "the clock of one of three on PostgreSQL is set an hour on and back", run: jumping },
        Part { about: "the clock of a server on SQLite is set an hour on and back", run: alone },
    ],
};

/// Lives short enough to see their ends.
const SETTINGS: &[(&str, &str)] = &[("APP_AUTH__ACCESS_TTL", "4s"), ("APP_AUTH__REFRESH_GRACE", "3s")];
const SKEWS: [&str; 3] = ["-30s", "+0", "+30s"];

fn skewed(context: &Context) -> Result<Findings> {
    let Some(faketime) = Faketime::find() else { return Ok(Findings::skipped(faketime::MISSING)) };
    let post = Post::open()?;
    let settings = [SETTINGS, &[("APP_MAIL__URL", post.url.as_str())]].concat();
    let Some(mut stage) = Stage::cheap(context, Database::Postgres, 0, &settings)? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    for skew in SKEWS {
        stage.add(&faketime.shows(skew))?;
    }
    let mut findings = Findings::default();
    block_on(skew::hold(context, &stage, &post, &mut findings))?;
    stage.close(&mut findings)?;
    Ok(findings)
}

fn jumping(context: &Context) -> Result<Findings> {
    jump::run(context, Database::Postgres)
}

fn alone(context: &Context) -> Result<Findings> {
    jump::run(context, Database::Sqlite)
}

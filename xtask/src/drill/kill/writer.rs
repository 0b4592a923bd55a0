//! A client that writes until the server is gone.

use anyhow::{Result, bail};
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::journal::{Act, Life};
use crate::drill::client::Client;

/// The audit log of one account is read in one page.
pub const ACTS: usize = 60;

/// All that one writer did, in its own accounts: nobody else touches them.
#[derive(Default)]
pub struct Written {
    pub lives: Vec<Life>,
    pub acknowledged: u64,
}

/// Acts on accounts of its own, one request at a time, until there is no answer any more; tells `note` of
/// each act that was acknowledged.
pub async fn write(
    client: Client,
    admin: String,
    name: String,
    mut random: StdRng,
    note: impl Fn(&Life),
) -> Result<Written> {
    let mut written = Written::default();
    loop {
        let email = format!("{name}-{}@example.com", written.lives.len());
        let mut life = Life::new(email, password(&mut random));
        let mut next = Act::Register;
        let acts = random.random_range(8..ACTS);
        let mut killed = false;
        for _ in 0..acts {
            let Ok(answer) = client.send(life.call(&next, &admin)).await else {
                life.open = Some(next);
                killed = true;
                break;
            };
            if answer.status != next.status() {
                bail!("{}: {next:?} was answered {}: {}", life.email, answer.shown(), answer.body);
            }
            life.acknowledge(next, &answer)?;
            written.acknowledged += 1;
            note(&life);
            next = choose(&life, &mut random);
        }
        written.lives.push(life);
        if killed {
            return Ok(written);
        }
    }
}

pub fn choose(life: &Life, random: &mut StdRng) -> Act {
    if life.suspended {
        return Act::Activate;
    }
    if life.session.is_none() {
        return Act::Login;
    }
    match random.random_range(0..10) {
        0..3 => Act::Refresh,
        3..5 => Act::Change(password(random)),
        5..7 => Act::Roles(!life.is_admin),
        7 => Act::Suspend,
        _ => Act::Logout,
    }
}

pub fn password(random: &mut StdRng) -> String {
    format!("seven purple otters dance {}", random.random_range(0..u32::MAX))
}

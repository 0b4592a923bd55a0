//! What was acknowledged, asked of the server that came after.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::journal::{Act, Life};
use crate::drill::Findings;
use crate::drill::client::{Call, Client};
use crate::drill::people::{Tokens, login, me, refresh};
use crate::process;

/// What was found, of each kind.
#[derive(Default)]
pub struct Found {
    /// Acknowledged, and not so any more.
    pub lost: Vec<String>,
    /// Ended, and accepted all the same.
    pub revived: Vec<String>,
    /// Without a row in the audit log, or with more rows than were acts.
    pub unaudited: Vec<String>,
    pub checked: u64,
}

impl Found {
    /// Notes all of it, and what must not have been found as faults.
    pub fn note(&self, findings: &mut Findings) {
        findings.figure("accounts_checked", self.checked);
        for (name, list) in [("lost", &self.lost), ("revived", &self.revived), ("unaudited", &self.unaudited)]
        {
            findings.figure(name, list.len());
            for what in list.iter().take(5) {
                findings.promise(false, format!("{name}: {what}"));
            }
        }
    }
}

/// Asks whether the account is as the journal says. What the journal leaves open it learns.
pub async fn check(client: &Client, admin: &str, life: &mut Life, found: &mut Found) -> Result<()> {
    found.checked += 1;
    if life.id.is_empty() && !came_to_be(client, life).await? {
        return Ok(());
    }
    audit(client, admin, life, found).await?;
    standing(client, admin, life, found).await?;
    sessions(client, life, found).await?;
    passwords(client, life, found).await?;
    life.open = None;
    Ok(())
}

/// Whether a registration that was not answered took place.
async fn came_to_be(client: &Client, life: &mut Life) -> Result<bool> {
    let answer = client.send(login(&life.email, life.password())).await?;
    if answer.status != 200 {
        return Ok(false);
    }
    life.id = answer.body["user"]["id"].as_str().unwrap_or_default().to_owned();
    life.open = None;
    life.audit.insert("registered", 1);
    life.acknowledge(Act::Login, &answer)?;
    Ok(true)
}

async fn audit(client: &Client, admin: &str, life: &mut Life, found: &mut Found) -> Result<()> {
    let page = Call::get(&format!("audit-events?subject_id={}&limit=100", life.id)).by(admin);
    let page = client.send(page).await?.expect(200)?;
    let open = life.open.as_ref().and_then(Act::audited);
    life.audit.extend(open.filter(|action| !life.audit.contains_key(action)).map(|action| (action, 0)));
    for (action, acts) in &mut life.audit {
        let events = page.body["items"].as_array().into_iter().flatten();
        let rows = events.filter(|event| event["action"] == *action).count() as u64;
        let most = *acts + u64::from(open == Some(*action));
        if !(*acts..=most).contains(&rows) {
            found.unaudited.push(format!("{}: {rows} rows `{action}` for {acts} acts", life.email));
        }
        *acts = rows;
    }
    if page.body["next_cursor"].is_string() {
        found.unaudited.push(format!("{}: more events than acts", life.email));
    }
    Ok(())
}

/// Status and roles.
async fn standing(client: &Client, admin: &str, life: &mut Life, found: &mut Found) -> Result<()> {
    let user = client.send(Call::get(&format!("users/{}", life.id)).by(admin)).await?;
    if user.status != 200 {
        found.lost.push(format!("{}: {}", life.email, user.shown()));
        return Ok(());
    }
    let suspended = user.body["status"] == "suspended";
    if suspended != life.suspended && !matches!(life.open, Some(Act::Suspend | Act::Activate)) {
        let list = if life.suspended { &mut found.revived } else { &mut found.lost };
        list.push(format!("{} has the status {}", life.email, user.body["status"]));
    }
    let is_admin = user.body["roles"].as_array().into_iter().flatten().any(|role| role == "admin");
    if is_admin != life.is_admin && !matches!(life.open, Some(Act::Roles(_))) {
        let list = if is_admin { &mut found.revived } else { &mut found.lost };
        list.push(format!("{} has the roles {}", life.email, user.body["roles"]));
    }
    if suspended && !life.suspended {
        life.end();
    }
    (life.suspended, life.is_admin) = (suspended, is_admin);
    Ok(())
}

/// What was ended is over; the newest tokens of what was not are good.
async fn sessions(client: &Client, life: &mut Life, found: &mut Found) -> Result<()> {
    for tokens in &life.ended {
        for call in [me(&tokens.access), refresh(&tokens.refresh)] {
            let answer = client.send(call).await?;
            if answer.status != 401 {
                found.revived.push(format!("{}, signed out: {}", life.email, answer.shown()));
            }
        }
    }
    let Some(tokens) = life.session.clone() else { return Ok(()) };
    // If the one refresh that was not answered took place, this token is the parent, within its grace.
    let refreshed = client.send(refresh(&tokens.refresh)).await?;
    if refreshed.status == 200 {
        let known = client.send(me(&tokens.access)).await?;
        if known.status != 200 {
            found.lost.push(format!("{}: {}", life.email, known.shown()));
        }
        life.session = Some(Tokens::of(&refreshed)?);
    } else {
        if life.open != Some(Act::Logout) {
            found.lost.push(format!("{}, session: {}", life.email, refreshed.shown()));
        }
        life.end();
    }
    Ok(())
}

/// The newest password is the one that is right.
async fn passwords(client: &Client, life: &mut Life, found: &mut Found) -> Result<()> {
    let right = if life.suspended { (403, "account_suspended") } else { (200, "") };
    let newest = client.send(login(&life.email, life.password())).await?;
    let mut is_right = (newest.status, newest.code()) == right;
    if let Some(Act::Change(new)) = life.open.clone() {
        let changed = client.send(login(&life.email, &new)).await?;
        if ((changed.status, changed.code()) == right) == is_right {
            found.lost.push(format!("{}: {}, and {}", life.email, newest.shown(), changed.shown()));
        }
        if !is_right {
            life.passwords.push(new);
        }
        is_right = true;
        *life.audit.entry("logged_in").or_default() += u64::from(changed.status == 200);
    }
    if !is_right {
        found.lost.push(format!("{}, password: {}", life.email, newest.shown()));
    }
    *life.audit.entry("logged_in").or_default() += u64::from(newest.status == 200);
    if let Some(before) = life.passwords.iter().rev().nth(1) {
        let answer = client.send(login(&life.email, before)).await?;
        if answer.status != 401 {
            found.revived.push(format!("{}, the password before: {}", life.email, answer.shown()));
        }
    }
    Ok(())
}

/// What SQLite itself finds in the file, beside the running server.
pub fn integrity(file: &Path) -> Result<String> {
    integrity_by(process::command("python3"), file)
}

/// The same, by a Python that sees the file.
pub fn integrity_by(mut python: Command, file: &Path) -> Result<String> {
    const SCRIPT: &str = "import sqlite3, sys\n\
        rows = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True).execute('pragma integrity_check')\n\
        print('; '.join(row[0] for row in rows))";
    let file = file.to_str().context("not a name that Python can take")?;
    process::output(python.args(["-c", SCRIPT, file]))
}

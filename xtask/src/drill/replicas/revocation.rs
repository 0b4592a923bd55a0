//! What ends on one server ends on all.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::drill::client::{Call, Client, at_once};
use crate::drill::figures::{milliseconds, spread};
use crate::drill::people::{PASSWORD, Person, join, login, me, sign_in};
use crate::drill::stage::Stage;
use crate::drill::{Context, Findings};

const LIMIT_MS: f64 = 1000.0;
/// When a server that has not heard of it is given up.
const GIVEN_UP: Duration = Duration::from_secs(10);
const UNITS: usize = 10;

/// What is done, and what its victim is refused from then on.
#[derive(Clone, Copy, Debug)]
enum End {
    Logout,
    Suspension,
    RoleTaken,
    PasswordChanged,
    Deletion,
}

const ENDS: [End; 5] = [End::Logout, End::Suspension, End::RoleTaken, End::PasswordChanged, End::Deletion];

pub(super) async fn everywhere(context: &Context, stage: &Stage, findings: &mut Findings) -> Result<()> {
    let samples = if context.short { 10 } else { 200 };
    stage.create("overseer@example.com", PASSWORD, "admin")?;
    let (mut elsewhere, mut here) = (Vec::new(), 0);
    for sample in 0..samples {
        let admin = sign_in(stage.client(), "overseer@example.com", PASSWORD).await?;
        let end = ENDS[sample % ENDS.len()];
        let (own, others) = clients(stage, sample);
        let (act, refused) = prepare(stage, &admin, end, sample).await?;
        let acted = own.send(act).await?;
        ensure!(matches!(acted.status, 200 | 204), "{end:?}: {}", acted.shown());
        let begun = Instant::now();
        let mut watches = JoinSet::new();
        for other in others {
            watches.spawn(until_refused(other, refused.clone(), begun));
        }
        if own.send(refused.0).await?.status != refused.1 {
            here += 1;
        }
        for time in watches.join_all().await {
            elsewhere.push(milliseconds(time?));
        }
    }
    findings.figure("ends", samples);
    findings.figure("seen_at_once_here", samples - here);
    findings.promise(here == 0, format!("{here} ends were not seen by the very next request"));
    let worst = elsewhere.iter().copied().fold(0.0, f64::max);
    spread(findings, "seen_elsewhere_ms", elsewhere);
    findings.promise(worst < LIMIT_MS, format!("another server believed for {worst} ms what was over"));
    shared_budget(stage, findings).await
}

/// The server that acts, and the others.
fn clients(stage: &Stage, sample: usize) -> (Client, Vec<Client>) {
    let mut all = stage.clients.clone();
    let own = all.remove(sample % all.len());
    (own, all)
}

/// Somebody whom all servers know, what ends their rights, and what they are refused with then.
async fn prepare(stage: &Stage, admin: &Person, end: End, sample: usize) -> Result<(Call, (Call, u16))> {
    let person = join(stage.client(), &format!("ends-{sample}@example.com")).await?;
    let (access, path) = (person.tokens.access.clone(), format!("users/{}", person.id));
    let admin = admin.tokens.access.as_str();
    let roles = |roles| Call::put(&format!("{path}/roles")).by(admin).with(json!({ "roles": roles }));
    let mut refused = (me(&access), 401);
    let act = match end {
        End::Logout => Call::post("auth/logout").by(&access),
        End::Suspension => Call::post(&format!("{path}/suspend")).by(admin),
        End::Deletion => Call::delete(&path).by(admin),
        End::RoleTaken => {
            stage.client().send(roles(vec!["admin"])).await?.expect(200)?;
            refused = (Call::get("users?limit=1").by(&access), 403);
            roles(vec!["user"])
        }
        End::PasswordChanged => {
            let other = sign_in(stage.client(), &person.email, PASSWORD).await?;
            let new = json!({ "current_password": PASSWORD, "new_password": "seven purple otters dance" });
            Call::post("auth/password/change").by(&other.tokens.access).with(new)
        }
    };
    // A server that has heard of a granted role knows the caller, as one does that was asked before.
    for client in &stage.clients {
        let begun = Instant::now();
        while client.send(refused.0.clone()).await?.status != 200 {
            ensure!(begun.elapsed() < GIVEN_UP, "{end:?}: not everyone learned of {}", person.email);
            sleep(Duration::from_millis(10)).await;
        }
    }
    Ok((act, refused))
}

async fn until_refused(client: Client, (call, status): (Call, u16), begun: Instant) -> Result<Duration> {
    loop {
        let answer = client.send(call.clone()).await?;
        if answer.status == status {
            return Ok(begun.elapsed());
        }
        ensure!(begun.elapsed() < GIVEN_UP, "after {GIVEN_UP:?}: {}", answer.shown());
        sleep(Duration::from_millis(2)).await;
    }
}

/// Guesses spread over the servers find the same ten units as on one.
async fn shared_budget(stage: &Stage, findings: &mut Findings) -> Result<()> {
    let person = join(stage.client(), "guessed-at@example.com").await?;
    let answers = at_once(&stage.clients, vec![login(&person.email, "some other password"); 60]).await?;
    let count = |code| answers.iter().filter(|answer| answer.code() == code).count();
    let (verified, refused) = (count("invalid_credentials"), count("too_many_attempts"));
    findings.figure("guesses_verified_of_60", verified);
    findings.promise(verified == UNITS, format!("{verified} guesses over three servers were verified"));
    findings.promise(verified + refused == 60, "some guesses were answered otherwise");
    Ok(())
}

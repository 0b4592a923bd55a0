//! Each step of a life is taken at another server, and none of them may tell whose clock is wrong.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::post::Post;
use super::work::{Crowd, hire};
use crate::drill::client::{Answer, Call, Client};
use crate::drill::people::{Tokens, join, login, me, refresh};
use crate::drill::stage::Stage;
use crate::drill::{Context, Findings};

/// As the servers are configured.
const ACCESS: Duration = Duration::from_secs(4);
const GRACE: Duration = Duration::from_secs(3);
/// Claims are whole seconds: a token may end by so much earlier.
const SECOND: Duration = Duration::from_secs(1);
const MARGIN: Duration = Duration::from_millis(300);
const UNITS: usize = 10;
const WINDOW: i64 = 15 * 60;

/// What the lives came to.
#[derive(Default)]
struct Seen {
    lives: u64,
    checks: u64,
    /// Answers that came too late to say anything.
    late: u64,
    faults: Vec<String>,
}

pub(super) async fn hold(
    context: &Context,
    stage: &Stage,
    post: &Post,
    findings: &mut Findings,
) -> Result<()> {
    post.serve()?;
    findings.figure("clocks_apart_s", are_apart(&stage.clients).await?);
    // Well before their access tokens expire, so that none is ever refused.
    let crowd = Crowd::begin(&stage.clients, hire(&stage.clients, 6).await?, ACCESS / 2);
    let (rounds, people) = if context.short { (1, 9) } else { (60, 30) };
    let mut seen = Seen::default();
    for round in 0..rounds {
        let mut lives = JoinSet::new();
        for number in 0..people {
            let begin = number % stage.clients.len();
            let clients = [&stage.clients[begin..], &stage.clients[..begin]].concat();
            lives.spawn(live(clients, format!("life-{round}-{number}@example.com")));
        }
        for life in lives.join_all().await {
            seen.add(life?);
        }
    }
    guess(&stage.clients, findings).await?;
    let (_, worked) = crowd.end().await?;
    worked.note("under_load", findings);
    findings.promise(worked.expired == 0, format!("{} good access tokens were refused", worked.expired));
    findings.figure("lives", seen.lives);
    findings.figure("checks", seen.checks);
    findings.figure("answers_too_late_to_tell", seen.late);
    findings.promise(seen.checks > 4 * seen.lives, "most answers came too late to tell anything");
    for fault in seen.faults.iter().take(5) {
        findings.promise(false, fault.clone());
    }
    letters(post, usize::try_from(seen.lives)?, findings).await
}

/// How far the clocks are apart, as their servers' machines show them in `Date`.
async fn are_apart(clients: &[Client]) -> Result<i64> {
    let mut shown = Vec::new();
    for client in clients {
        let answer = client.send(Call::get("/health/live")).await?;
        let date = answer.headers.get("date").and_then(|date| date.to_str().ok()).map(str::to_owned);
        shown.push(date.as_deref().and_then(second_of_day).context("an answer without a date")?);
    }
    let gaps: Vec<i64> = shown.windows(2).map(|pair| (pair[1] - pair[0]).rem_euclid(86_400)).collect();
    ensure!(
        gaps.iter().all(|gap| (28..=32).contains(gap)),
        "the clocks are not as faketime has them: {gaps:?}"
    );
    Ok(gaps.iter().sum())
}

/// Of an HTTP date: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn second_of_day(date: &str) -> Option<i64> {
    let mut parts = date.split(' ').nth(4)?.split(':').map(str::parse::<i64>);
    let mut next = || parts.next()?.ok();
    Some(next()? * 3600 + next()? * 60 + next()?)
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.lives += other.lives;
        self.checks += other.checks;
        self.late += other.late;
        self.faults.extend(other.faults);
    }

    fn check(&mut self, kept: bool, what: &str, answer: &Answer) {
        self.checks += 1;
        if !kept {
            self.faults.push(format!("{what}: {}", answer.shown()));
        }
    }

    /// What is to be so only if it was answered by then.
    fn check_by(&mut self, end: Instant, kept: bool, what: &str, answer: &Answer) {
        if Instant::now() < end {
            self.check(kept, what, answer);
        } else {
            self.late += 1;
        }
    }
}

/// One person, from registration to the theft of their refresh token.
async fn live(clients: Vec<Client>, email: String) -> Result<Seen> {
    let mut seen = Seen { lives: 1, ..Seen::default() };
    let asked = Instant::now();
    let person = join(&clients[0], &email).await?;
    let issued = Instant::now();
    let (first, end) = (&person.tokens, asked + ACCESS - SECOND);
    for client in &clients {
        let answer = client.send(me(&first.access)).await?;
        seen.check_by(end, answer.status == 200, "a fresh token", &answer);
    }
    clients[1].send(Call::post("auth/password/forgot").with(json!({ "email": email }))).await?.expect(202)?;

    let traded = Instant::now();
    let next = Tokens::of(&clients[1].send(refresh(&first.refresh)).await?.expect(200)?)?;
    let done = Instant::now();
    once(&clients, &next, &mut seen).await?;
    for (client, wait) in [(&clients[2], Duration::ZERO), (&clients[0], GRACE - 2 * MARGIN)] {
        until(traded + wait).await;
        let again = client.send(refresh(&first.refresh)).await?;
        let same = again.status == 200 && again.body["refresh_token"] == next.refresh;
        seen.check_by(traded + GRACE, same, "a refresh that is repeated within the grace", &again);
    }
    for client in &clients {
        let answer = client.send(me(&first.access)).await?;
        seen.check_by(end, answer.status == 200, "a token that is about to expire", &answer);
    }
    until(issued + ACCESS + MARGIN).await;
    for client in &clients {
        let answer = client.send(me(&first.access)).await?;
        seen.check(answer.status == 401, "a token that has expired", &answer);
    }
    until(done + GRACE + MARGIN).await;
    let stolen = clients[2].send(refresh(&first.refresh)).await?;
    seen.check(stolen.status == 401, "a refresh past the grace", &stolen);
    let over = clients[0].send(refresh(&next.refresh)).await?;
    seen.check(over.status == 401, "a refresh after the theft", &over);
    Ok(seen)
}

/// What bears a key happens once, whichever servers hear of it.
async fn once(clients: &[Client], tokens: &Tokens, seen: &mut Seen) -> Result<()> {
    let mut made = None;
    for client in clients {
        let note = Call::post("notes").by(&tokens.access).with(json!({ "title": "once", "body": "" }));
        let answer = client.send(note.header("Idempotency-Key", "once")).await?;
        let id = answer.body["id"].clone();
        let same = answer.status == 201 && *made.get_or_insert_with(|| id.clone()) == id;
        seen.check(same, "a note that is sent again", &answer);
    }
    Ok(())
}

/// One budget for all servers, and each says alike when it is full again.
async fn guess(clients: &[Client], findings: &mut Findings) -> Result<()> {
    let person = join(&clients[0], "guessed@example.com").await?;
    let (mut verified, mut waits) = (0, Vec::new());
    for (number, client) in clients.iter().cycle().take(3 * UNITS).enumerate() {
        let answer = client.send(login(&person.email, &format!("guess number {number}"))).await?;
        match answer.status {
            401 => verified += 1,
            _ => waits.push(
                answer.headers.get("retry-after").and_then(|wait| wait.to_str().ok()?.parse::<i64>().ok()),
            ),
        }
    }
    findings.figure("guesses_verified", verified);
    findings.promise(verified == UNITS, format!("{verified} guesses were verified, and not {UNITS}"));
    let alike = waits.iter().all(|wait| wait.is_some_and(|wait| (WINDOW - 20..=WINDOW).contains(&wait)));
    findings.promise(alike, format!("when to come again is said differently: {waits:?}"));
    Ok(())
}

/// Of three servers one sends at a time, and each letter once.
async fn letters(post: &Post, expected: usize, findings: &mut Findings) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while post.counted().0 < expected && Instant::now() < deadline {
        sleep(Duration::from_millis(50)).await;
    }
    let (came, twice) = post.counted();
    findings.figure("letters", came);
    findings.promise(came >= expected, format!("{came} letters came, and not {expected}"));
    findings.promise(twice == 0, format!("{twice} letters came more than once"));
    Ok(())
}

async fn until(moment: Instant) {
    sleep(moment.saturating_duration_since(Instant::now())).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_http_date_has_a_second_of_its_day() {
        assert_eq!(second_of_day("Sun, 06 Nov 1994 08:49:37 GMT"), Some(31_777));
        assert_eq!(second_of_day("yesterday"), None);
    }
}

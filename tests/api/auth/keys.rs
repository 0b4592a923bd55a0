//! Keys: published before they sign, accepted until nothing needs them, ended at once when they leak.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stead::access::keys::lifecycle::{ChangeError, KeyInfo, Lifecycle};
use stead::access::keys::{KeyError, Keys, Purpose, State};
use stead::base::secret::SecretKey;

use crate::harness::{App, PASSWORD, Stage, behaviour};

const ME: &str = "/api/v1/users/me";
const JWKS: &str = "/.well-known/jwks.json";
const USERS: &str = "/api/v1/users";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn secret(byte: u8) -> SecretKey {
    SecretKey::from_bytes([byte; 32])
}

fn own(app: &App) -> SecretKey {
    app.state.config.secret_key.clone().unwrap()
}

/// What an operator has at the terminal, with these secrets.
fn terminal(app: &App, secrets: &[&SecretKey]) -> Lifecycle {
    let state = &app.state;
    Lifecycle::new(state.db.clone(), state.clock.clone(), state.random.clone(), secrets, &state.config.auth)
}

fn operator(app: &App) -> Lifecycle {
    terminal(app, &[&own(app)])
}

/// A replica hears that the keys have changed.
async fn hears(app: &App) {
    app.state.access.keys().reload(&mut app.state.db.read().await.unwrap()).await.unwrap();
}

async fn published(app: &App) -> Vec<String> {
    let keys = app.anonymous().get(JWKS).await.expect(200).json()["keys"].as_array().unwrap().clone();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

async fn of(app: &App, purpose: Purpose) -> Vec<KeyInfo> {
    operator(app).list().await.unwrap().into_iter().filter(|key| key.purpose == purpose).collect()
}

async fn revoke(app: &App, name: &str) -> Result<stead::access::keys::lifecycle::Revoked, ChangeError> {
    operator(app).revoke(name.parse().unwrap()).await
}

async fn wrapped(app: &App) -> BTreeSet<Vec<u8>> {
    let mut db = app.state.db.read().await.unwrap();
    let rows: Vec<(Vec<u8>,)> = db.query("SELECT wrapped FROM keys").fetch_all().await.unwrap();
    rows.into_iter().map(|(bytes,)| bytes).collect()
}

async fn opens(app: &App, secrets: &[&SecretKey]) -> Result<Keys, KeyError> {
    let state = &app.state;
    Keys::open(&state.db, secrets, &state.config.auth, &state.clock, &state.random).await
}

behaviour! {
    async fn a_new_key_is_known_a_minute_before_it_signs_and_the_old_one_until_its_last_token_is_over(stage: Stage) {
        let (one, two) = (stage.start().await, stage.start().await);
        let ada = one.user().await;
        let old = kid(&ada.access_token);
        let new = operator(&one).rotate(Purpose::Signing).await.unwrap();
        assert_eq!((new.state, new.signs_at.since(new.created_at)), (State::Published, MINUTE));
        hears(&one).await;
        hears(&two).await;
        assert_eq!(published(&one).await, [new.kid.clone(), old.clone()]);
        assert_eq!(published(&two).await, published(&one).await);
        one.later(MINUTE - SECOND);
        assert_eq!(kid(&two.signed_in(&ada.email, PASSWORD).await.access_token), old);
        one.later(SECOND);
        for replica in [&one, &two] {
            let signed = replica.signed_in(&ada.email, PASSWORD).await;
            assert_eq!(kid(&signed.access_token), new.kid);
            for other in [&one, &two] {
                other.anonymous().with_token(&signed.access_token).get(ME).await.expect(200);
                other.anonymous().with_token(&ada.access_token).get(ME).await.expect(200);
            }
        }
        // The last token of the old key is ten minutes old now, and clocks may be a minute apart.
        one.later(Duration::from_secs(600) + MINUTE - SECOND);
        assert_eq!(published(&one).await.len(), 2);
        one.later(SECOND);
        for replica in [&one, &two] {
            assert_eq!(published(replica).await, std::slice::from_ref(&new.kid));
            assert!(replica.state.access.keys().verifying(&old).is_none());
        }
        let states: Vec<_> = of(&one, Purpose::Signing).await.iter().map(|key| key.state).collect();
        assert_eq!(states, [State::Active, State::Retired]);
    }

    async fn nobody_is_refused_while_keys_are_rotated_under_load(stage: Stage) {
        let (one, two) = (stage.start().await, stage.start().await);
        let mut people = Vec::new();
        for _ in 0..4 {
            people.push(one.user().await);
        }
        for round in 0..24_u32 {
            for purpose in [Purpose::Signing, Purpose::Refresh, Purpose::Device, Purpose::Cursor, Purpose::Outbox] {
                if round % 12 == 0 {
                    operator(&one).rotate(purpose).await.unwrap();
                }
            }
            // One replica hears of it later than the other.
            if round % 12 == 0 { hears(&one).await } else { hears(&two).await }
            for person in &mut people {
                for replica in [&one, &two] {
                    replica.anonymous().with_token(&person.access_token).get(ME).await.expect(200);
                }
                let next = if round % 2 == 0 { &one } else { &two };
                let pair = next.anonymous().refresh(&person.refresh_token).await.expect(200).json();
                *person = next.person(&pair);
            }
            one.later(Duration::from_secs(13));
        }
        let signed: BTreeSet<_> = people.iter().map(|person| kid(&person.access_token)).collect();
        assert_eq!(signed, [of(&one, Purpose::Signing).await[0].kid.clone()].into());
    }

    async fn a_key_that_is_revoked_is_refused_at_once_and_for_ever_and_another_signs_in_its_place(stage: Stage) {
        let (one, two) = (stage.start().await, stage.start().await);
        let ada = one.user().await;
        let leaked = kid(&ada.access_token);
        let done = revoke(&one, &leaked).await.unwrap();
        let next = done.replacement.unwrap();
        assert_eq!((done.revoked.state, next.state), (State::Revoked, State::Active));
        for replica in [&one, &two] {
            hears(replica).await;
            replica.anonymous().with_token(&ada.access_token).get(ME).await.refused(401, "invalid_token");
            assert_eq!(published(replica).await, std::slice::from_ref(&next.kid));
        }
        let pair = two.anonymous().refresh(&ada.refresh_token).await.expect(200).json();
        let again = two.person(&pair);
        assert_eq!(kid(&again.access_token), next.kid);
        again.get(ME).await.expect(200);
        // A restart and a rotation do not bring it back.
        operator(&one).rotate(Purpose::Signing).await.unwrap();
        one.later(MINUTE);
        let three = stage.start().await;
        assert!(!published(&three).await.contains(&leaked));
        three.anonymous().with_token(&ada.access_token).get(ME).await.refused(401, "invalid_token");
        let marked = of(&three, Purpose::Signing).await.into_iter().find(|key| key.kid == leaked).unwrap();
        assert_eq!(marked.state, State::Revoked);
        assert!(marked.revoked_at.is_some());
    }

    async fn a_published_key_steps_in_for_a_revoked_one_and_an_older_one_does_not(app: App) {
        let ada = app.user().await;
        let first = kid(&ada.access_token);
        operator(&app).rotate(Purpose::Signing).await.unwrap();
        app.later(MINUTE);
        let third = operator(&app).rotate(Purpose::Signing).await.unwrap();
        let second = of(&app, Purpose::Signing).await[1].kid.clone();
        let done = revoke(&app, &second).await.unwrap();
        assert_eq!(done.replacement.unwrap().kid, third.kid);
        hears(&app).await;
        let signed = app.signed_in(&ada.email, PASSWORD).await;
        assert_eq!(kid(&signed.access_token), third.kid, "it does not wait for its minute");
        assert_eq!(published(&app).await, [third.kid.clone(), first.clone()]);
        ada.get(ME).await.expect(200);
        // What makes nothing needs no successor.
        assert!(revoke(&app, &first).await.unwrap().replacement.is_none());
        hears(&app).await;
        ada.get(ME).await.refused(401, "invalid_token");
        app.anonymous().with_token(&signed.access_token).get(ME).await.expect(200);
        // An old key does not come back when a newer one is revoked.
        let fourth = revoke(&app, &third.kid).await.unwrap().replacement.unwrap();
        hears(&app).await;
        assert_eq!(published(&app).await, [fourth.kid]);
    }

    async fn a_key_that_is_revoked_before_it_signs_leaves_the_one_before_in_its_place(app: App) {
        let ada = app.user().await;
        let made = operator(&app).rotate(Purpose::Signing).await.unwrap();
        app.later(MINUTE - SECOND);
        assert!(revoke(&app, &made.kid).await.unwrap().replacement.is_none());
        hears(&app).await;
        app.later(30 * MINUTE);
        let again = app.signed_in(&ada.email, PASSWORD).await;
        assert_eq!(kid(&again.access_token), kid(&ada.access_token));
        again.get(ME).await.expect(200);
        let states: Vec<_> = of(&app, Purpose::Signing).await.iter().map(|key| key.state).collect();
        assert_eq!(states, [State::Revoked, State::Active]);
        operator(&app).rotate(Purpose::Signing).await.unwrap();
    }

    async fn what_the_older_data_keys_made_is_good_until_nothing_can_use_it(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        app.user().await;
        let page = admin.get(&format!("{USERS}?limit=1")).await.expect(200).json();
        let mails = app.mails_to(&ada.email).await.len();
        for purpose in [Purpose::Refresh, Purpose::Device, Purpose::Cursor, Purpose::Outbox] {
            operator(&app).rotate(purpose).await.unwrap();
        }
        hears(&app).await;
        app.later(MINUTE);
        let next = format!("{USERS}?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
        admin.get(&next).await.expect(200);
        assert_eq!(app.mails_to(&ada.email).await.len(), mails);
        app.anonymous().refresh(&ada.refresh_token).await.expect(200);
        let old = of(&app, Purpose::Refresh).await.remove(1);
        let absolute = app.state.config.auth.refresh_absolute_ttl;
        assert!(old.retires_at.unwrap().since(old.signs_at) >= absolute, "{old:?}");
        app.later(absolute + MINUTE);
        let states: Vec<_> = of(&app, Purpose::Refresh).await.iter().map(|key| key.state).collect();
        assert_eq!(states, [State::Active, State::Retired]);
    }

    async fn a_refresh_key_that_is_revoked_ends_the_sessions_that_hold_its_tokens_and_no_others(app: App) {
        let (ada, bob) = (app.user().await, app.user().await);
        let old = of(&app, Purpose::Refresh).await[0].kid.clone();
        operator(&app).rotate(Purpose::Refresh).await.unwrap();
        hears(&app).await;
        app.later(MINUTE);
        let bob = app.person(&app.anonymous().refresh(&bob.refresh_token).await.expect(200).json());
        assert!(revoke(&app, &old).await.unwrap().replacement.is_none());
        hears(&app).await;
        ada.get(ME).await.refused(401, "invalid_token");
        bob.get(ME).await.expect(200);
        app.anonymous().refresh(&ada.refresh_token).await.refused(401, "invalid_refresh_token");
        let bob = app.person(&app.anonymous().refresh(&bob.refresh_token).await.expect(200).json());
        app.signed_in(&ada.email, PASSWORD).await;
        // The successor of a token that is shown twice was made with a key that is gone since.
        let newest = of(&app, Purpose::Refresh).await[0].kid.clone();
        operator(&app).rotate(Purpose::Refresh).await.unwrap();
        hears(&app).await;
        app.later(MINUTE);
        app.anonymous().refresh(&bob.refresh_token).await.expect(200);
        let newer = of(&app, Purpose::Refresh).await[0].kid.clone();
        assert_ne!(newest, newer);
        revoke(&app, &newer).await.unwrap();
        hears(&app).await;
        app.anonymous().refresh(&bob.refresh_token).await.refused(401, "invalid_refresh_token");
    }

    async fn of_many_rotations_at_once_one_makes_a_key_and_the_others_say_which(app: App) {
        let mut rotations = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let operator = operator(&app);
            rotations.spawn(async move { operator.rotate(Purpose::Signing).await });
        }
        let outcomes = rotations.join_all().await;
        let made: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        assert_eq!(made.len(), 1, "{outcomes:?}");
        for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(refused.to_string().contains(&made[0].kid), "{refused}");
        }
        assert_eq!(of(&app, Purpose::Signing).await.len(), 2);
        app.later(MINUTE);
        operator(&app).rotate(Purpose::Signing).await.unwrap();
    }

    async fn of_many_revocations_at_once_one_makes_a_successor_and_the_others_say_when_it_was(app: App) {
        let leaked = of(&app, Purpose::Signing).await[0].kid.clone();
        let mut revocations = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (operator, id) = (operator(&app), leaked.parse().unwrap());
            revocations.spawn(async move { operator.revoke(id).await });
        }
        let outcomes = revocations.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        let again = revoke(&app, &leaked).await.unwrap_err().to_string();
        assert!(again.contains(&leaked) && again.contains("was revoked before, at 2030-01-01T08:00:00"), "{again}");
        assert_eq!(of(&app, Purpose::Signing).await.len(), 2);
        let unknown = revoke(&app, "01981f3c6d7a7c4e9b513a52c7e1b0aa").await.unwrap_err().to_string();
        assert!(unknown.contains("01981f3c6d7a7c4e9b513a52c7e1b0aa") && unknown.contains("keys list"), "{unknown}");
    }

    async fn the_key_for_lookups_stays(app: App) {
        let lookup = of(&app, Purpose::Lookup).await[0].kid.clone();
        assert!(matches!(operator(&app).rotate(Purpose::Lookup).await, Err(ChangeError::Lookup)));
        assert!(matches!(revoke(&app, &lookup).await, Err(ChangeError::Lookup)));
        assert_eq!(of(&app, Purpose::Lookup).await[0].state, State::Active);
    }

    async fn keys_are_wrapped_anew_under_another_secret_all_or_none(app: App) {
        let (old, new, foreign) = (own(&app), secret(9), secret(8));
        let leaked = of(&app, Purpose::Signing).await[0].kid.clone();
        revoke(&app, &leaked).await.unwrap();
        operator(&app).rotate(Purpose::Outbox).await.unwrap();
        hears(&app).await;
        let before = wrapped(&app).await;
        for wrong in [vec![&foreign], vec![&new, &foreign], vec![]] {
            let refused = terminal(&app, &wrong).rewrap().await.unwrap_err();
            assert!(refused.to_string().contains("APP_SECRET_KEY_PREVIOUS"), "{refused}");
        }
        assert_eq!(wrapped(&app).await, before);

        let both = terminal(&app, &[&new, &old]);
        assert_eq!(both.rewrap().await.unwrap(), before.len());
        assert!(wrapped(&app).await.is_disjoint(&before));
        assert_eq!(both.rewrap().await.unwrap(), before.len(), "once more does no harm");
        let kids = |keys: Keys| keys.public().into_iter().map(|key| key.kid).collect::<Vec<_>>();
        assert_eq!(kids(opens(&app, &[&new]).await.unwrap()), kids(opens(&app, &[&new, &old]).await.unwrap()));
        assert!(matches!(opens(&app, &[&old]).await, Err(KeyError::WrongSecret)));
        // A server that knows the old secret only goes on with the keys it has.
        hears(&app).await;
        app.user().await.get(ME).await.expect(200);

        let half = wrapped(&app).await;
        let mut tx = app.state.db.write().await.unwrap();
        tx.query("UPDATE keys SET wrapped = $1 WHERE purpose = 'cursor'").bind(vec![7_u8; 72]).execute().await.unwrap();
        tx.commit().await.unwrap();
        terminal(&app, &[&old, &new]).rewrap().await.unwrap_err();
        assert_eq!(wrapped(&app).await.intersection(&half).count(), half.len() - 1, "all stay as they were");
    }

    async fn a_secret_that_opens_nothing_makes_no_keys_and_changes_none(app: App) {
        let foreign = secret(8);
        let before = wrapped(&app).await;
        assert!(matches!(opens(&app, &[&foreign]).await, Err(KeyError::WrongSecret)));
        let refused = terminal(&app, &[&foreign]).rotate(Purpose::Signing).await.unwrap_err();
        assert!(matches!(refused, ChangeError::Keys(KeyError::WrongSecret)), "{refused}");
        let current = of(&app, Purpose::Signing).await[0].kid.parse().unwrap();
        terminal(&app, &[&foreign]).revoke(current).await.unwrap_err();
        assert_eq!(wrapped(&app).await, before);
        assert_eq!(of(&app, Purpose::Signing).await[0].state, State::Active);
    }

    async fn a_store_that_lacks_some_keys_stops_the_start_and_gets_none_by_itself(app: App) {
        let mut tx = app.state.db.write().await.unwrap();
        tx.query("DELETE FROM keys WHERE purpose = 'refresh'").execute().await.unwrap();
        tx.commit().await.unwrap();
        let before = wrapped(&app).await;
        let refused = opens(&app, &[&own(&app)]).await.err().unwrap().to_string();
        assert!(refused.contains("`refresh`") && refused.contains("restore"), "{refused}");
        assert_eq!(wrapped(&app).await, before);
    }

    async fn what_is_listed_holds_no_key(app: App) {
        operator(&app).rotate(Purpose::Signing).await.unwrap();
        let listed = json!(operator(&app).list().await.unwrap());
        let fields: BTreeSet<_> = listed[0].as_object().unwrap().keys().cloned().collect();
        let known = ["kid", "purpose", "state", "created_at", "signs_at", "retires_at", "revoked_at"];
        assert_eq!(fields, known.map(str::to_owned).into());
        let purposes: Vec<_> = listed.as_array().unwrap().iter().map(|key| key["purpose"].clone()).collect();
        assert_eq!(purposes, ["signing", "signing", "refresh", "device", "cursor", "outbox", "lookup"]);
        assert_eq!(listed[0]["state"], "published");
    }
}

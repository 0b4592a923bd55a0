use super::*;

fn settings(memory_kib: u32, queue: usize) -> Hash {
    Hash { memory_kib, iterations: 1, parallelism: 1, threads: Some(1), queue }
}

fn hasher(memory_kib: u32, queue: usize) -> Hasher {
    Hasher::start(&settings(memory_kib, queue), Random::seeded(3)).unwrap()
}

fn password(text: &str) -> Password {
    Password::new(text.into())
}

async fn hash(hasher: &Hasher, text: &str) -> String {
    hasher.hash(hasher.admit().unwrap(), password(text), None).await.unwrap().unwrap()
}

async fn verify(hasher: &Hasher, text: &str, stored: Option<&str>) -> Verdict {
    hasher.verify(hasher.admit().unwrap(), password(text), stored.map(Into::into)).await.unwrap()
}

#[tokio::test]
async fn a_password_matches_its_own_hash_and_no_other() {
    let hasher = hasher(64, 4);
    let hash = hash(&hasher, "right").await;
    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
    assert_eq!(verify(&hasher, "right", Some(&hash)).await, Verdict { matches: true, outdated: false });
    assert!(!verify(&hasher, "wrong", Some(&hash)).await.matches);
    assert!(!verify(&hasher, "right", None).await.matches);
    assert!(!verify(&hasher, "", None).await.matches);
}

#[tokio::test]
async fn every_byte_of_a_long_password_counts() {
    let hasher = hasher(64, 4);
    let long = "a".repeat(72);
    let hash = hash(&hasher, &format!("{long}x")).await;
    assert!(!verify(&hasher, &format!("{long}y"), Some(&hash)).await.matches);
}

#[tokio::test]
async fn a_hash_with_other_settings_still_matches_and_is_called_outdated() {
    let old = hasher(32, 4);
    let hash = hash(&old, "right").await;
    assert_eq!(verify(&hasher(64, 4), "right", Some(&hash)).await, Verdict { matches: true, outdated: true });
}

#[tokio::test]
async fn a_wrong_password_takes_the_work_of_today_however_cheap_the_stored_hash_is() {
    let (old, new) = (hasher(64, 4), hasher(256, 4));
    let [cheap, current] = [hash(&old, "right").await, hash(&new, "right").await];
    // The second computation is what the first was too cheap by.
    for (text, stored, computed) in
        [("wrong", &cheap, 2), ("right", &cheap, 1), ("wrong", &current, 1), ("right", &current, 1)]
    {
        let before = new.computed();
        verify(&new, text, Some(stored)).await;
        assert_eq!(new.computed() - before, computed, "{text}");
    }
    let dear = hash(&hasher(512, 4), "right").await;
    let before = new.computed();
    verify(&new, "wrong", Some(&dear)).await;
    assert_eq!(new.computed() - before, 1);
}

#[tokio::test]
async fn a_weak_password_is_not_hashed_and_every_verification_is_one_computation() {
    let hasher = hasher(64, 4);
    let measure = Measure { email: None, service: "Stead", min_length: 8 };
    for (text, hashed) in [("password1", false), ("seven purple otters dance", true)] {
        let place = hasher.admit().unwrap();
        let made = hasher.hash(place, password(text), Some(measure.clone())).await.unwrap();
        assert_eq!(made.is_ok(), hashed, "{text}");
    }
    let made = hasher.computed();
    assert_eq!(made, 1);
    for stored in [
        None,
        Some("no hash"),
        Some(
            "$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ),
    ] {
        verify(&hasher, "right", stored).await;
    }
    assert_eq!(hasher.computed() - made, 3);
}

#[tokio::test]
async fn a_stored_hash_of_unbearable_cost_is_not_computed() {
    let hash =
        "$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert!(!verify(&hasher(64, 4), "right", Some(hash)).await.matches);
}

#[tokio::test]
async fn beyond_the_queue_there_is_no_place_until_one_is_given_back() {
    let hasher = hasher(64, 1);
    let places = [hasher.admit().unwrap(), hasher.admit().unwrap()];
    assert_eq!(hasher.admit().map(drop), Err(HashError::QueueFull));
    drop(places);
    assert!(hasher.admit().is_ok());
}

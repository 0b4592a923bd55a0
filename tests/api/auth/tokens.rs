//! Access tokens: what is in them, and what is not taken for one.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{App, Client, Person, Stage, behaviour};

const ME: &str = "/api/v1/users/me";

/// One part of a JWT, read.
fn part(token: &str, number: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(number).unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// The token with its first two parts replaced and its signature kept.
fn forged(token: &str, header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", encode(header), encode(claims), token.rsplit('.').next().unwrap())
}

async fn is_refused(client: &Client, token: &str) {
    let refused = client.with_token(token).get(ME).await.refused(401, "invalid_token");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer error=\"invalid_token\""), "{token}");
}

fn with(value: &Value, field: &str, to: Value) -> Value {
    let mut changed = value.clone();
    changed[field] = to;
    changed
}

behaviour! {
    async fn an_access_token_says_what_rfc_9068_asks_for_and_nothing_else(app: App) {
        let ada = app.user().await;
        assert_json_snapshot!(part(&ada.access_token, 0), {".kid" => "[kid]"}, @r#"
        {
          "alg": "EdDSA",
          "kid": "[kid]",
          "typ": "at+jwt"
        }
        "#);
        let claims = part(&ada.access_token, 1);
        assert_json_snapshot!(claims, {".jti" => "[id]", ".sid" => "[id]", ".sub" => "[id]"}, @r#"
        {
          "aud": "http://127.0.0.1:8080",
          "exp": 1893485400,
          "iat": 1893484800,
          "iss": "http://127.0.0.1:8080",
          "jti": "[id]",
          "roles": [
            "user"
          ],
          "sid": "[id]",
          "sub": "[id]"
        }
        "#);
        assert_eq!(claims["sub"], ada.id.as_str());
        let again = app.signed_in(&ada.email, crate::harness::PASSWORD).await;
        assert_ne!(part(&again.access_token, 1)["jti"], claims["jti"]);
    }

    async fn the_published_keys_hold_the_signing_key_and_no_private_part(app: App) {
        let ada = app.user().await;
        let jwks = app.anonymous().get("/.well-known/jwks.json").await.expect(200);
        assert_eq!(jwks.header("cache-control"), Some("public, max-age=30"));
        let kid = part(&ada.access_token, 0)["kid"].clone();
        assert_json_snapshot!(jwks.json(), {".keys[].kid" => "[kid]", ".keys[].x" => "[public key]"}, @r#"
        {
          "keys": [
            {
              "alg": "EdDSA",
              "crv": "Ed25519",
              "kid": "[kid]",
              "kty": "OKP",
              "use": "sig",
              "x": "[public key]"
            }
          ]
        }
        "#);
        assert_eq!(jwks.json()["keys"][0]["kid"], kid);
        assert_eq!(URL_SAFE_NO_PAD.decode(jwks.json()["keys"][0]["x"].as_str().unwrap()).unwrap().len(), 32);
    }

    async fn an_access_token_lives_as_long_as_it_is_configured_to(stage: Stage) {
        let app = stage.with("auth.access_ttl", "5m").start().await;
        let ada = app.user().await;
        let claims = part(&ada.access_token, 1);
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
        app.later(Duration::from_secs(299));
        ada.get(ME).await.expect(200);
        app.later(Duration::from_secs(1));
        is_refused(&ada, &ada.access_token).await;
        app.anonymous().refresh(&ada.refresh_token).await.expect(200);
    }

    async fn without_a_token_the_challenge_names_no_error(app: App) {
        let refused = app.anonymous().get(ME).await.refused(401, "unauthenticated");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        let ada = app.user().await;
        for query in ["access_token", "token"] {
            let refused = app.anonymous().get(&format!("{ME}?{query}={}", ada.access_token)).await;
            assert_eq!(refused.status, 401, "a token in the query is none");
        }
    }

    async fn only_one_authorization_header_of_the_right_kind_is_read(app: App) {
        let ada = app.user().await;
        let (anonymous, token) = (app.anonymous(), &ada.access_token);
        for scheme in ["bearer", "BEARER", "Bearer  "] {
            let header = format!("{scheme} {token}");
            anonymous.get(ME).header("authorization", &header).await.expect(200);
        }
        ada.get(ME).header("authorization", &format!("Bearer {token}")).await.refused(401, "invalid_token");
        let long = format!("Bearer {}", "x".repeat(100_000));
        for header in [
            "Bearer",
            "Bearer ",
            "Basic YWRhOngK",
            token,
            &format!("Bearer {token} x"),
            "Bearer \u{e9}\u{fc}",
            "",
            &long,
        ] {
            let refused = anonymous.get(ME).header("authorization", header).await;
            assert!(refused.status == 401 || refused.status == 431, "{}", refused.text());
        }
    }

    async fn a_token_that_was_changed_in_any_part_is_refused(app: App) {
        let ada = app.user().await;
        let (header, claims) = (part(&ada.access_token, 0), part(&ada.access_token, 1));
        let token = &ada.access_token;
        for (field, value) in [
            ("alg", json!("none")),
            ("alg", json!("None")),
            ("alg", json!("")),
            ("alg", json!("HS256")),
            ("alg", json!("ES256")),
            ("typ", json!("JWT")),
            ("kid", json!("other")),
            ("kid", json!("../../etc/passwd")),
            ("kid", json!("' OR 1=1 --")),
            ("kid", json!("k".repeat(10_000))),
            ("kid", json!(null)),
            ("jku", json!("https://evil.example/jwks.json")),
            ("jwk", json!({"kty": "OKP"})),
            ("x5u", json!("https://evil.example")),
            ("x5c", json!(["MIIB"])),
            ("crit", json!(["exp"])),
        ] {
            is_refused(&ada, &forged(token, &with(&header, field, value), &claims)).await;
        }
        for (field, value) in [
            ("exp", json!(9_999_999_999_i64)),
            ("exp", json!("9999999999")),
            ("exp", json!(null)),
            ("exp", json!(1e308)),
            ("sub", json!(app.admin().await.id)),
            ("roles", json!(["admin"])),
            ("aud", json!("https://other.example")),
            ("iss", json!([])),
            ("iat", json!(-1)),
            ("sid", json!("x")),
        ] {
            is_refused(&ada, &forged(token, &header, &with(&claims, field, value))).await;
        }
        ada.get(ME).await.expect(200);
    }

    async fn an_hmac_under_the_public_key_is_no_signature(app: App) {
        let ada = app.user().await;
        let (header, claims) = (part(&ada.access_token, 0), part(&ada.access_token, 1));
        let jwks = app.anonymous().get("/.well-known/jwks.json").await.expect(200).json();
        let jwk = &jwks["keys"][0];
        let x = jwk["x"].as_str().unwrap();
        let raw = URL_SAFE_NO_PAD.decode(x).unwrap();
        for key in [raw.as_slice(), x.as_bytes(), jwk.to_string().as_bytes(), jwks.to_string().as_bytes()] {
            for alg in ["HS256", "EdDSA"] {
                let token = forged("..", &with(&header, "alg", json!(alg)), &claims);
                let message = token.trim_end_matches('.');
                let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
                mac.update(message.as_bytes());
                let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
                is_refused(&ada, &format!("{message}.{signature}")).await;
            }
        }
    }

    async fn a_token_whose_signature_is_missing_cut_or_spelled_otherwise_is_refused(app: App) {
        let ada = app.user().await;
        let token = &ada.access_token;
        let (message, signature) = token.rsplit_once('.').unwrap();
        let mut cut = token.clone();
        cut.pop();
        for bad in [
            message.to_owned(),
            format!("{message}."),
            cut,
            format!("{token}="),
            format!("{token}A"),
            format!(".{token}"),
            format!("{token}.{signature}"),
            format!("{message}.{}", "A".repeat(86)),
            token.to_uppercase(),
            "a.b.c".into(),
            "..".into(),
            ".".into(),
            "x".into(),
            URL_SAFE_NO_PAD.encode(token),
        ] {
            is_refused(&ada, &bad).await;
        }
        // The last of 86 characters carries two bits and four that must be zero (RFC 4648 §3.5).
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let last = alphabet.iter().position(|c| *c == *token.as_bytes().last().unwrap()).unwrap();
        is_refused(&ada, &format!("{}{}", &token[..token.len() - 1], char::from(alphabet[last | 1]))).await;
    }

    async fn one_kind_of_token_is_never_taken_for_another(app: App) {
        let ada = app.user().await;
        let mailed = app.mailed_token(&ada.email).await;
        let Person { access_token, refresh_token, device_token, .. } = &ada;
        for other in [refresh_token, device_token, &mailed, &ada.id] {
            is_refused(&ada, other).await;
        }
        for other in [access_token, device_token, &mailed, "", "rt_"] {
            app.anonymous().refresh(other).await.refused(401, "invalid_refresh_token");
        }
        for other in [access_token, refresh_token, device_token, ""] {
            let body = json!({"token": other, "password": crate::harness::PASSWORD});
            let refused = app.anonymous().post("/api/v1/auth/email/verify", body).await;
            refused.refused(422, "invalid_or_expired_token");
        }
        ada.get(ME).await.expect(200);
        app.anonymous().refresh(refresh_token).await.expect(200);
    }

    async fn a_token_of_another_server_is_refused_even_if_it_holds_the_same_keys(stage: Stage) {
        let app = stage.start().await;
        let staging = stage.with("server.public_url", "https://staging.example.com").start().await;
        let ada = staging.user().await;
        staging.anonymous().with_token(&ada.access_token).get(ME).await.expect(200);
        is_refused(&app.anonymous(), &ada.access_token).await;
    }
}

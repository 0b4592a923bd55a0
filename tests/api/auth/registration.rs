//! Making an account where addresses need not be verified.

use futures_util::future::join_all;
use insta::assert_json_snapshot;
use serde_json::json;

use crate::harness::{App, PASSWORD, Stage, behaviour};

const REGISTER: &str = "/api/v1/auth/register";

behaviour! {
    async fn a_registration_makes_an_account_that_can_be_used_at_once(app: App) {
        let new = json!({"email": "ada@example.com", "password": PASSWORD, "display_name": " Ada Lovelace ", "locale": "zh"});
        let made = app.anonymous().post(REGISTER, new).await.expect(201);
        assert_json_snapshot!(made.json(), {".id" => "[id]"}, @r#"
        {
          "created_at": "2030-01-01T08:00:00.000000Z",
          "display_name": "Ada Lovelace",
          "email": "ada@example.com",
          "email_verified": false,
          "id": "[id]",
          "last_login_at": null,
          "locale": "zh",
          "roles": [
            "user"
          ],
          "status": "active",
          "updated_at": "2030-01-01T08:00:00.000000Z"
        }
        "#);
        let location = format!("/api/v1/users/{}", made.json()["id"].as_str().unwrap());
        assert_eq!(made.header("location"), Some(location.as_str()));
        assert_eq!(made.header("cache-control"), Some("no-store"));

        let ada = app.signed_in("ada@example.com", PASSWORD).await;
        let me = ada.get("/api/v1/users/me").await.expect(200).json();
        assert_eq!(me["id"], made.json()["id"]);
        assert_eq!(me["last_login_at"], "2030-01-01T08:00:00.000000Z");
    }

    async fn an_address_is_taken_however_it_is_written(app: App) {
        let anonymous = app.anonymous();
        let made = anonymous.register(" Ada@BÜCHER.Example ", PASSWORD).await.expect(201).json();
        assert_eq!(made["email"], "ada@xn--bcher-kva.example");
        for same in ["ada@bücher.example", "ADA@XN--BCHER-KVA.EXAMPLE"] {
            anonymous.register(same, PASSWORD).await.refused(409, "email_taken");
            anonymous.login(same, PASSWORD).await.expect(200);
        }
    }

    async fn an_address_that_could_be_mistaken_for_another_is_refused(app: App) {
        for text in [
            "\u{212A}elvin@example.com",
            "ad\u{131}@example.com",
            "ada@example.com\r\nBcc: x@example.com",
            "ada@",
            "",
        ] {
            let refused = app.anonymous().register(text, PASSWORD).await.refused(422, "validation_failed");
            assert_eq!(refused.faults(), [("/email".into(), "invalid_email".into())], "{text:?}");
        }
    }

    async fn of_many_registrations_of_one_address_at_once_exactly_one_succeeds(app: App) {
        let anonymous = app.anonymous();
        let replies =
            join_all((0..8).map(|_| anonymous.register("ada@example.com", PASSWORD).into_future())).await;
        let (made, others): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 201);
        assert_eq!(made.len(), 1);
        for other in others {
            other.refused(409, "email_taken");
        }
    }

    async fn a_password_that_is_easily_guessed_is_refused(app: App) {
        for (password, code) in [
            ("", "password_too_short"),
            ("p9x-Tq7", "password_too_short"),
            ("password1", "weak_password"),
            ("ada.lovelace1", "weak_password"),
            ("lovelace@ada", "weak_password"),
            ("stead123", "weak_password"),
            ("aaaaaaaaaaaaaaaaaaaa", "weak_password"),
        ] {
            let refused = app.anonymous().register("ada.lovelace@example.com", password).await;
            assert_eq!(refused.status, 422, "{password}");
            let refused = refused.refused(422, "weak_password");
            assert_eq!(refused.faults(), [("/password".into(), code.into())], "{password}");
        }
        app.anonymous().register("ada.lovelace@example.com", PASSWORD).await.expect(201);
    }

    async fn no_composition_is_asked_of_a_password_and_every_character_of_it_counts(app: App) {
        let anonymous = app.anonymous();
        let long: String = (0..1024).map(|n| char::from_u32(0x4E00 + n * 37 % 5000).unwrap()).collect();
        for (email, password) in [
            ("letters@example.com", "qzkvjxwpmfhgtbdlrycn"),
            ("spaces@example.com", "  kfw 93 hx lodge  "),
            ("symbols@example.com", "🔑☂é→µ🜁𝄞☃ж漢€"),
            ("long@example.com", &long),
        ] {
            anonymous.register(email, password).await.expect(201);
            anonymous.login(email, password).await.expect(200);
            let mut shorter = password.to_owned();
            shorter.pop();
            anonymous.login(email, &shorter).await.refused(401, "invalid_credentials");
        }
        anonymous.login("spaces@example.com", "kfw 93 hx lodge").await.refused(401, "invalid_credentials");
        let refused = anonymous
            .register("longer@example.com", &format!("{long}x"))
            .await
            .refused(422, "validation_failed");
        assert_eq!(refused.faults(), [("/password".into(), "too_long".into())]);
    }

    async fn a_password_that_is_the_address_breaks_a_rule_across_fields_in_the_callers_language(app: App) {
        let same = json!({"email": "ada@example.com", "password": "ADA@example.com"});
        let english =
            app.anonymous().post(REGISTER, same.clone()).await.refused(422, "validation_failed").json();
        assert_json_snapshot!(english, {".request_id" => "[id]"}, @r#"
        {
          "code": "validation_failed",
          "detail": "1 field is not valid",
          "errors": [
            {
              "code": "password_is_address",
              "message": "The password must not be the e-mail address",
              "pointer": "/password"
            }
          ],
          "request_id": "[id]",
          "status": 422,
          "title": "The request is not valid",
          "type": "/errors/validation_failed"
        }
        "#);
        let chinese = app.anonymous().post(REGISTER, same).header("accept-language", "zh-CN, en;q=0.5");
        let chinese = chinese.await.refused(422, "validation_failed").json();
        assert_json_snapshot!([&chinese["title"], &chinese["detail"], &chinese["errors"]], @r#"
        [
          "请求无效",
          "有 1 个字段无效",
          [
            {
              "code": "password_is_address",
              "message": "密码不能与电子邮件地址相同",
              "pointer": "/password"
            }
          ]
        ]
        "#);
    }

    async fn all_faults_of_a_body_are_told_at_once(app: App) {
        let body = json!({"email": "ada", "password": 7, "display_name": "a\u{202E}b", "locale": "fr", "colour": "red"});
        let refused = app.anonymous().post(REGISTER, body).await.refused(422, "validation_failed");
        assert_json_snapshot!(refused.faults(), @r#"
        [
          [
            "/colour",
            "unknown_field"
          ],
          [
            "/display_name",
            "invalid_characters"
          ],
          [
            "/email",
            "invalid_email"
          ],
          [
            "/locale",
            "invalid_language"
          ],
          [
            "/password",
            "wrong_type"
          ]
        ]
        "#);
        let refused = app.anonymous().post(REGISTER, json!({})).await.refused(422, "validation_failed");
        assert_eq!(
            refused.faults(),
            [("/email".into(), "required".into()), ("/password".into(), "required".into())]
        );
    }

    async fn a_weak_password_is_told_together_with_all_else_that_is_wrong(app: App) {
        let (ada, admin) = (app.user().await, app.admin().await);
        let anonymous = app.anonymous();
        let token = "x".repeat(43);
        for (client, path, body, expected) in [
            (
                &anonymous,
                REGISTER,
                json!({"email": "ada", "password": "password1", "colour": "red"}),
                vec![("/colour", "unknown_field"), ("/email", "invalid_email"), ("/password", "weak_password")],
            ),
            (
                &anonymous,
                REGISTER,
                // Weak for this address only.
                json!({"email": "ada.lovelace@example.com", "password": "ada.lovelace1", "locale": "fr"}),
                vec![("/locale", "invalid_language"), ("/password", "weak_password")],
            ),
            (
                &anonymous,
                REGISTER,
                json!({"email": "ada@example.com", "password": PASSWORD, "locale": "fr"}),
                vec![("/locale", "invalid_language")],
            ),
            (
                &*ada,
                "/api/v1/auth/password/change",
                json!({"new_password": "short"}),
                vec![("/current_password", "required"), ("/new_password", "password_too_short")],
            ),
            (
                &anonymous,
                "/api/v1/auth/password/reset",
                json!({"token": token, "new_password": "stead123", "email": "ada@example.com"}),
                vec![("/email", "unknown_field"), ("/new_password", "weak_password")],
            ),
            (
                &*admin,
                "/api/v1/users",
                json!({"email": "ada@example.com", "password": "password1", "roles": [""]}),
                vec![("/password", "weak_password"), ("/roles/0", "invalid_role_name")],
            ),
            // What is wrong with the password itself is told once.
            (
                &anonymous,
                REGISTER,
                json!({"email": "ada", "password": "x".repeat(1025)}),
                vec![("/email", "invalid_email"), ("/password", "too_long")],
            ),
        ] {
            let before = app.state.passwords.computed();
            let refused = client.post(path, body).await.refused(422, "validation_failed");
            let expected: Vec<_> = expected.into_iter().map(|(at, code)| (at.into(), code.into())).collect();
            assert_eq!(refused.faults(), expected, "{path}");
            assert_eq!(app.state.passwords.computed(), before, "nothing is hashed");
        }
    }

    async fn nobody_gives_themselves_what_only_the_server_gives(app: App) {
        let anonymous = app.anonymous();
        for (field, value) in [
            ("roles", json!(["admin"])),
            ("status", json!("active")),
            ("id", json!("01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa")),
            ("email_verified", json!(true)),
            ("is_admin", json!(true)),
            ("user_id", json!("01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa")),
            ("version", json!(9)),
            ("created_at", json!("2020-01-01T00:00:00Z")),
        ] {
            let mut body = json!({"email": "ada@example.com", "password": PASSWORD});
            body[field] = value;
            let refused = anonymous.post(REGISTER, body).await.refused(422, "unknown_field");
            assert_eq!(refused.faults(), [(format!("/{field}"), "unknown_field".into())]);
        }
        let made = anonymous.register("ada@example.com", PASSWORD).await.expect(201).json();
        assert_eq!((&made["roles"], &made["email_verified"]), (&json!(["user"]), &json!(false)));
    }

    async fn mails_are_in_the_language_of_the_account_and_that_is_of_the_request_unless_chosen(app: App) {
        let anonymous = app.anonymous();
        for (email, locale, subject) in [
            ("chosen@example.com", json!("en"), "Confirm your e-mail address for Stead"),
            ("asked@example.com", json!(null), "请确认您在 Stead 的电子邮件地址"),
        ] {
            let body = json!({"email": email, "password": PASSWORD, "locale": locale});
            let made =
                anonymous.post(REGISTER, body).header("accept-language", "zh").await.expect(201).json();
            assert_eq!(made["locale"], if locale.is_null() { json!("zh") } else { locale });
            assert_eq!(app.mails_to(email).await[0]["subject"], subject);
        }
    }

    async fn by_invitation_only_nobody_registers_by_themselves(stage: Stage) {
        for policy in ["invite", "closed"] {
            let app = stage.clone().with("auth.registration", policy).start().await;
            app.anonymous().register("ada@example.com", PASSWORD).await.refused(403, "registration_closed");
            app.anonymous().login("ada@example.com", PASSWORD).await.refused(401, "invalid_credentials");
        }
    }
}

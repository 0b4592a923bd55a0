//! Every error code of the API: a stable name, its status, and where its texts are.

use axum::http::StatusCode;

/// A stable, machine-readable error code. Codes are added, never renamed.
///
/// Its texts are in `locales/*.ftl`, as the attributes of `error-<name with dashes>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code {
    name: &'static str,
    status: StatusCode,
}

macro_rules! codes {
    ($($NAME:ident = $name:literal, $STATUS:ident;)+) => {
        impl Code {
            $(pub const $NAME: Self = Self { name: $name, status: StatusCode::$STATUS };)+

            /// All codes, by status.
            pub const ALL: &'static [Self] = &[$(Self::$NAME),+];
        }
    };
}

codes! {
    BAD_REQUEST = "bad_request", BAD_REQUEST;
    MALFORMED_JSON = "malformed_json", BAD_REQUEST;
    INVALID_CURSOR = "invalid_cursor", BAD_REQUEST;
    INVALID_QUERY = "invalid_query", BAD_REQUEST;
    UNAUTHENTICATED = "unauthenticated", UNAUTHORIZED;
    INVALID_TOKEN = "invalid_token", UNAUTHORIZED;
    INVALID_CREDENTIALS = "invalid_credentials", UNAUTHORIZED;
    INVALID_REFRESH_TOKEN = "invalid_refresh_token", UNAUTHORIZED;
    REFRESH_TOKEN_REUSED = "refresh_token_reused", UNAUTHORIZED;
    FORBIDDEN = "forbidden", FORBIDDEN;
    EMAIL_NOT_VERIFIED = "email_not_verified", FORBIDDEN;
    ACCOUNT_SUSPENDED = "account_suspended", FORBIDDEN;
    REGISTRATION_CLOSED = "registration_closed", FORBIDDEN;
    NOT_FOUND = "not_found", NOT_FOUND;
    METHOD_NOT_ALLOWED = "method_not_allowed", METHOD_NOT_ALLOWED;
    NOT_ACCEPTABLE = "not_acceptable", NOT_ACCEPTABLE;
    REQUEST_TIMEOUT = "request_timeout", REQUEST_TIMEOUT;
    CONFLICT = "conflict", CONFLICT;
    EMAIL_TAKEN = "email_taken", CONFLICT;
    LAST_ADMIN = "last_admin", CONFLICT;
    IDEMPOTENCY_IN_PROGRESS = "idempotency_in_progress", CONFLICT;
    PRECONDITION_FAILED = "precondition_failed", PRECONDITION_FAILED;
    PAYLOAD_TOO_LARGE = "payload_too_large", PAYLOAD_TOO_LARGE;
    URI_TOO_LONG = "uri_too_long", URI_TOO_LONG;
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE;
    MISDIRECTED_REQUEST = "misdirected_request", MISDIRECTED_REQUEST;
    VALIDATION_FAILED = "validation_failed", UNPROCESSABLE_ENTITY;
    UNKNOWN_FIELD = "unknown_field", UNPROCESSABLE_ENTITY;
    WEAK_PASSWORD = "weak_password", UNPROCESSABLE_ENTITY;
    INVALID_OR_EXPIRED_TOKEN = "invalid_or_expired_token", UNPROCESSABLE_ENTITY;
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", UNPROCESSABLE_ENTITY;
    RATE_LIMITED = "rate_limited", TOO_MANY_REQUESTS;
    TOO_MANY_ATTEMPTS = "too_many_attempts", TOO_MANY_REQUESTS;
    HEADERS_TOO_LARGE = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE;
    INTERNAL_ERROR = "internal_error", INTERNAL_SERVER_ERROR;
    OVERLOADED = "overloaded", SERVICE_UNAVAILABLE;
    DATABASE_UNAVAILABLE = "database_unavailable", SERVICE_UNAVAILABLE;
    TIMEOUT = "timeout", GATEWAY_TIMEOUT;
}

impl Code {
    pub fn name(self) -> &'static str {
        self.name
    }

    pub fn status(self) -> StatusCode {
        self.status
    }

    /// The code of this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name == name)
    }

    /// The code for an error of which only the status is known: the most general one of that status.
    pub fn for_status(status: StatusCode) -> Self {
        let general = if status.is_server_error() { Self::INTERNAL_ERROR } else { Self::BAD_REQUEST };
        Self::ALL.iter().copied().find(|code| code.status == status).unwrap_or(general)
    }

    /// The id of one of this code's texts: `title`, `detail`, `meaning` or `remedy`.
    pub fn text_id(self, part: &str) -> String {
        format!("error-{}.{part}", self.name.replace('_', "-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::language::{Language, translate};

    #[test]
    fn every_code_has_all_its_texts_in_both_languages() {
        for language in Language::ALL {
            for part in ["title", "detail", "meaning", "remedy"] {
                for id in Code::ALL.iter().map(|code| code.text_id(part)) {
                    assert_ne!(translate(language, &id, &[]), id, "{language}");
                }
            }
        }
    }

    #[test]
    fn a_status_alone_becomes_the_most_general_code_of_that_status() {
        for (status, code) in [
            (StatusCode::BAD_REQUEST, Code::BAD_REQUEST),
            (StatusCode::UNAUTHORIZED, Code::UNAUTHENTICATED),
            (StatusCode::CONFLICT, Code::CONFLICT),
            (StatusCode::UNPROCESSABLE_ENTITY, Code::VALIDATION_FAILED),
            (StatusCode::SERVICE_UNAVAILABLE, Code::OVERLOADED),
            (StatusCode::IM_A_TEAPOT, Code::BAD_REQUEST),
            (StatusCode::NOT_IMPLEMENTED, Code::INTERNAL_ERROR),
        ] {
            assert_eq!(Code::for_status(status), code, "{status}");
        }
    }

    #[test]
    fn no_two_codes_share_a_name() {
        for code in Code::ALL {
            assert_eq!(Code::named(code.name()), Some(*code));
            assert_eq!(Code::ALL.iter().filter(|other| other.name == code.name).count(), 1);
        }
    }
}

# The texts of Stead in English. Syntax: projectfluent.org. Every id here is also in zh.ftl, with the same variables.

## Errors. For each code: .title and .detail are in the response, .meaning and .remedy at /errors/{code}.

error-malformed-json =
    .title = The body is not JSON
    .detail = The body could not be read as JSON
    .meaning = The body of the request is empty, is not JSON in UTF-8, names a member twice, or is nested too deeply.
    .remedy = Send one JSON value in UTF-8, each member once, at most 127 levels deep.
error-malformed-json-at = The body could not be read as JSON: line { $line }, column { $column }

error-bad-request =
    .title = The request could not be read
    .detail = The request could not be read
    .meaning = The request broke off or breaks a rule of HTTP.
    .remedy = Check how the request is sent. If it came through a proxy, check the proxy.

error-invalid-cursor =
    .title = The cursor is not valid
    .detail = The cursor does not belong to this list
    .meaning = A cursor works only with the list, the filters and the order that it came with, and only unchanged.
    .remedy = Start again without a cursor, and then follow next_cursor as it comes.

error-invalid-query =
    .title = The query is not valid
    .detail = { $count ->
        [0] The query is not valid
        [one] { $count } query parameter is not valid
       *[other] { $count } query parameters are not valid
    }
    .meaning = A query parameter is not known here, is given twice, or has a value that is not allowed.
    .remedy = Correct the parameters named in errors. The API documentation lists those that this operation takes.

error-unauthenticated =
    .title = Sign in first
    .detail = This needs an access token
    .meaning = The operation is for signed-in users, and the request carries no access token.
    .remedy = Sign in, and send the access token in the header Authorization: Bearer <token>.

error-invalid-token =
    .title = The access token is not valid
    .detail = The access token is expired, was ended, or is not one of ours
    .meaning = The access token is expired or malformed, or its session is over.
    .remedy = Get a new access token with the refresh token. If that fails too, sign in again.

error-invalid-credentials =
    .title = Sign-in failed
    .detail = The e-mail address or the password is wrong
    .meaning = No account has this e-mail address and this password. Which of the two is wrong is not told.
    .remedy = Check both, or reset the password.
error-wrong-current-password = The current password of your account is wrong

error-invalid-refresh-token =
    .title = The refresh token is not valid
    .detail = The refresh token is expired, was ended, or is not one of ours
    .meaning = The refresh token is expired or malformed, or its session is over.
    .remedy = Sign in again.

error-refresh-token-reused =
    .title = The refresh token was used before
    .detail = The refresh token was used before, so the session is over
    .meaning = A refresh token works once. Its second use may mean that it was stolen, so the session was ended.
    .remedy = Sign in again. If this was not your client, change the password.

error-forbidden =
    .title = Not allowed
    .detail = You may not do this
    .meaning = You are signed in, but none of your roles holds the permission that this needs.
    .remedy = Ask an administrator for a role that holds it.

error-email-not-verified =
    .title = The e-mail address is not confirmed
    .detail = Confirm your e-mail address first
    .meaning = The password was right, but the account waits for its e-mail address to be confirmed.
    .remedy = Follow the link in the mail that was sent. A new one can be asked for.

error-account-suspended =
    .title = The account is suspended
    .detail = This account is suspended
    .meaning = The password was right, but an administrator has suspended the account.
    .remedy = Ask an administrator.

error-registration-closed =
    .title = Registration is closed
    .detail = New accounts are not open to the public here
    .meaning = This service makes accounts by invitation, or not at all.
    .remedy = Ask an administrator for an invitation.

error-not-found =
    .title = Not found
    .detail = There is nothing here
    .meaning = The path or the thing it names does not exist, or is not yours to see.
    .remedy = Check the path and the id. The API documentation lists the paths.

error-method-not-allowed =
    .title = Method not allowed
    .detail = This path does not take that method
    .meaning = The path exists, but not with this method.
    .remedy = Use one of the methods in the Allow header.

error-not-acceptable =
    .title = Not acceptable
    .detail = This is only to be had as JSON
    .meaning = The Accept header admits none of the forms in which the answer can be given.
    .remedy = Send Accept: application/json, or no Accept header.

error-request-timeout =
    .title = The request took too long to arrive
    .detail = The body did not arrive in time
    .meaning = The server waited for the body of the request and gave up.
    .remedy = Send it again. If the connection is slow, send less at once.

error-misdirected-request =
    .title = Not served under this name
    .detail = This is served under local names only
    .meaning = The Host header names a host under which this is not to be had: it is for those who sit at the machine, and a page in a browser could have its own name lead there.
    .remedy = Ask for localhost or the address of the machine, or have the server listen on another address than loopback.

error-email-taken =
    .title = The e-mail address is taken
    .detail = An account with this e-mail address exists already
    .meaning = Two accounts cannot have the same e-mail address.
    .remedy = Use another address, or sign in to the account that exists.

error-last-admin =
    .title = This is the last administrator
    .detail = The last active administrator cannot be demoted, suspended or deleted
    .meaning = Without an active administrator nobody could manage this service.
    .remedy = Make someone else an administrator first.

error-conflict =
    .title = Conflict
    .detail = This does not fit the present state
    .meaning = The request is valid, but something else has it otherwise: a name that is taken, or a state that excludes it.
    .remedy = Read the present state, and decide again.
error-role-taken = A role of this name is there already
error-role-built-in = A built-in role is neither changed nor deleted
error-role-held = { $holders ->
    [one] { $holders } account still has this role
   *[other] { $holders } accounts still have this role
}

error-idempotency-in-progress =
    .title = The same request is still running
    .detail = A request with this Idempotency-Key is still running
    .meaning = The first request with this key has not finished, so its answer cannot be repeated yet.
    .remedy = Send it again in a moment, with the same key.

error-precondition-failed =
    .title = It has changed since
    .detail = This has been changed since you read it
    .meaning = The If-Match header names a version that is no longer the current one.
    .remedy = Read it again, repeat your change on the new version, and send its ETag.

error-payload-too-large =
    .title = The body is too large
    .detail = The body is larger than 1 MiB
    .meaning = A body may have 1,048,576 bytes (1 MiB).
    .remedy = Send less at once.

error-uri-too-long =
    .title = The address is too long
    .detail = The path and query are longer than 8 KiB
    .meaning = Path and query together may have 8,192 bytes (8 KiB).
    .remedy = Shorten the query.

error-unsupported-media-type =
    .title = Unsupported media type
    .detail = The body must be sent as application/json
    .meaning = The Content-Type is missing or is not one that this operation reads, or the body is compressed.
    .remedy = Send Content-Type: application/json (PATCH also reads application/merge-patch+json) and no Content-Encoding.

error-headers-too-large =
    .title = The headers are too large
    .detail = The headers are larger than 16 KiB
    .meaning = All header fields together may have 16,384 bytes (16 KiB).
    .remedy = Send fewer or shorter header fields.

error-validation-failed =
    .title = The request is not valid
    .detail = { $count ->
        [0] The request is not valid
        [one] { $count } field is not valid
       *[other] { $count } fields are not valid
    }
    .meaning = The body is JSON, but some of its fields are missing or hold values that are not allowed.
    .remedy = Correct the fields named in errors. All faults are listed, each with a JSON pointer (RFC 6901).

error-unknown-field =
    .title = Unknown field
    .detail = { $count ->
        [0] A field is not known here
        [one] { $count } field is not known here
       *[other] { $count } fields are not known here
    }
    .meaning = The body has fields that this operation does not take. They are refused, never silently ignored.
    .remedy = Leave out the fields named in errors, and check them for typing errors.

error-weak-password =
    .title = The password is too weak
    .detail = The password is too easy to guess
    .meaning = The password is too short or among those that are guessed first.
    .remedy = Choose a longer one. Several unrelated words do well.

error-invalid-or-expired-token =
    .title = The link is not valid any more
    .detail = The token is expired, was used, or was replaced by a newer one
    .meaning = A token sent by mail works once, for a limited time, and only until a newer one is sent.
    .remedy = Ask for a new mail.

error-idempotency-key-reused =
    .title = The Idempotency-Key was used for something else
    .detail = This Idempotency-Key was sent with another body before
    .meaning = A key stands for one request. The same key with another body is a mistake of the client.
    .remedy = Make a new key for each new request, and repeat it only with the very same body.

error-rate-limited =
    .title = Too many requests
    .detail = { $seconds ->
        [one] Too many requests: try again in { $seconds } second
       *[other] Too many requests: try again in { $seconds } seconds
    }
    .meaning = More requests came from this address or account than are allowed.
    .remedy = Wait as long as the Retry-After header says, and send requests more slowly.

error-too-many-attempts =
    .title = Too many attempts
    .detail = { $seconds ->
        [one] Too many attempts: try again in { $seconds } second
       *[other] Too many attempts: try again in { $seconds } seconds
    }
    .meaning = There were too many failed attempts, so further ones are refused for a while, right or wrong.
    .remedy = Wait as long as the Retry-After header says.

error-internal-error =
    .title = Something went wrong
    .detail = Something went wrong on our side
    .meaning = The server met an error that it did not expect. It is logged under the request id.
    .remedy = Try again. If it happens again, report the request id.

error-overloaded =
    .title = Too busy
    .detail = The server is too busy at the moment
    .meaning = The server has more work than it can do in time, and refuses some rather than delay all.
    .remedy = Wait as long as the Retry-After header says, and try again.

error-database-unavailable =
    .title = Temporarily unavailable
    .detail = The service is temporarily unavailable
    .meaning = The database does not answer at the moment.
    .remedy = Wait as long as the Retry-After header says, and try again. The request may have taken effect: send the same Idempotency-Key, or look first.

error-timeout =
    .title = It took too long
    .detail = The request was not done in time
    .meaning = The server could not finish the request in time and gave up. It may or may not have taken effect.
    .remedy = Look whether it took effect, or try again with an Idempotency-Key.

## Faults of single fields: the messages in errors.

fault-required = This is required
fault-unknown-field = This field is not known here
fault-wrong-type = { $expected ->
    [string] This must be text
    [integer] This must be a whole number
    [number] This must be a number
    [boolean] This must be true or false
    [array] This must be a list
    [object] This must be an object
   *[null] This must be null
}
fault-invalid-value = This value is not allowed
fault-invalid-choice = This must be one of: { $accepted }
fault-not-in-range = This must be a whole number from { $min } to { $max }
fault-repeated = This may be given once only
fault-wrong-length = { $expected ->
    [one] This must have exactly { $expected } item
   *[other] This must have exactly { $expected } items
}
fault-too-short = { $min ->
    [one] This must have at least { $min } character
   *[other] This must have at least { $min } characters
}
fault-too-long = { $max ->
    [one] This must have at most { $max } character
   *[other] This must have at most { $max } characters
}
fault-invalid-characters = This has characters that are not allowed
fault-unknown-permission = There is no such permission
fault-invalid-idempotency-key = An Idempotency-Key is 1 to 255 visible ASCII characters, sent once
fault-same-email = This is the address that the account has
fault-not-with-q = The order of a search is that of the match: leave out sort, or q
fault-unknown-role = There is no such role
fault-invalid-role-name = The name of a role is 1 to 64 of a-z, 0-9, _ and -, and begins with a letter
fault-too-many = This has too many entries: { $max } at most
fault-invalid-email = This is not an e-mail address
fault-invalid-time = This is not a time in the form of RFC 3339, such as 2026-01-31T12:00:00Z (in a query, + is written %2B)
fault-invalid-id = This is not an id
fault-invalid-log-level = This is no level: error, warn, info, debug, trace or off, with exceptions as in info,sqlx=warn
fault-invalid-language = This must be one of: en, zh
fault-weak-password = This password is too easy to guess
fault-password-too-short = { $min ->
    [one] A password must have at least { $min } character
   *[other] A password must have at least { $min } characters
}
fault-password-is-address = The password must not be the e-mail address

## Mail

mail-link-hint = If the button does not work, open this link:
mail-verify-email-subject = Confirm your e-mail address for { $service }
mail-verify-email-text = Somebody, probably you, gave this e-mail address to { $service }.

    To confirm that it is yours, open the link and enter the password that you chose. The link is good for 24 hours.

    If this was not you, ignore this mail.
mail-verify-email-button = Confirm the address
mail-already-registered-subject = You already have an account at { $service }
mail-already-registered-text = Somebody, probably you, tried to register at { $service } with this e-mail address. It has an account already.

    Sign in with your password. If this was not you, there is nothing to do.
mail-invitation-subject = You are invited to { $service }
mail-invitation-text = An account at { $service } was made for you.

    Open the link to choose a password. The link is good for 24 hours.
mail-invitation-button = Choose a password
mail-reset-password-subject = Choose a new password for { $service }
mail-reset-password-text = Somebody, probably you, asked for a new password for your account at { $service }.

    Open the link to choose one. The link is good for 30 minutes. All your sessions will end.

    If this was not you, ignore this mail: nothing has changed.
mail-reset-password-button = Choose a new password
mail-address-kept-subject = Your account at { $service } has its address back
mail-address-kept-text = You kept this e-mail address for your account at { $service }. Whoever wanted to change it knows your password, so it no longer works, and all sessions have ended.

    Open the link to choose a new password: without one nobody can sign in. The link is good for 30 minutes; after that, ask for another on the page for a forgotten password.
mail-address-kept-button = Choose a new password
mail-address-in-use-subject = Your e-mail address was given at { $service }
mail-address-in-use-text = Somebody with another account at { $service } asked to use this e-mail address for it. It belongs to your account, and stays there.

    There is nothing to do.
mail-password-changed-subject = Your password at { $service } was changed
mail-password-changed-text = The password of your account at { $service } was changed just now, and your other sessions have ended.

    If this was not you, reset your password at once.
mail-confirm-new-email-subject = Confirm your new e-mail address for { $service }
mail-confirm-new-email-text = You asked { $service } to use this e-mail address from now on.

    To confirm that it is yours, open the link and enter your password. The link is good for 24 hours.

    If this was not you, ignore this mail.
mail-confirm-new-email-button = Confirm the new address
mail-email-change-notice-subject = Your e-mail address at { $service } is about to change
mail-email-change-notice-text = Somebody, probably you, asked { $service } to use another e-mail address for your account.

    If this was not you, open the link to keep this address. It is good for 7 days, also after the change. It also makes your password void and sends you a link to choose another.
mail-email-change-notice-button = Keep this address

## Pages that links in mails open

page-failed = The server could not be reached. Please try again.
page-noscript = This page needs JavaScript.
page-verify-email-title = Confirm your e-mail address
page-verify-email-explanation = Enter the password of your account.
page-verify-email-password = Password
page-verify-email-button = Confirm
page-verify-email-done = Your address is confirmed. You can sign in now.
page-reset-password-title = Choose a new password
page-reset-password-explanation = All your sessions will end.
page-reset-password-password = New password
page-reset-password-button = Set the password
page-reset-password-done = Your password is set. You can sign in now.
page-accept-invitation-title = Choose a password
page-accept-invitation-explanation = With it you sign in from now on.
page-accept-invitation-password = Password
page-accept-invitation-button = Set the password
page-accept-invitation-done = Your account is ready. You can sign in now.
page-cancel-email-change-title = Keep your e-mail address
page-cancel-email-change-explanation = The change is undone, all sessions of your account end, and your password is void: a mail lets you choose another.
page-cancel-email-change-button = Keep this address
page-cancel-email-change-done = Your account keeps this address. Open the mail that we have just sent you, and choose a new password.

## The page of the API document

docs-noscript = This page needs JavaScript. The document itself is here:
docs-email = E-mail
docs-password = Password
docs-sign-in = Sign in
docs-signed-in = Signed in as
docs-sign-out = Sign out
docs-needed = Needs this permission
docs-held = Needs this permission, which you have

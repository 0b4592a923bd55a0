# Stead 的简体中文文本。语法见 projectfluent.org。这里的每个标识都与 en.ftl 一一对应，变量也相同。

## 错误。每个错误码：.title 和 .detail 出现在响应里，.meaning 和 .remedy 见 /errors/{code}。

error-malformed-json =
    .title = 请求体不是 JSON
    .detail = 无法将请求体解析为 JSON
    .meaning = 请求体为空、不是 UTF-8 编码的 JSON、含有重复的成员名，或嵌套过深。
    .remedy = 请发送一个 UTF-8 编码的 JSON 值，成员名不得重复，嵌套不超过 127 层。
error-malformed-json-at = 无法将请求体解析为 JSON：第 { $line } 行，第 { $column } 列

error-bad-request =
    .title = 无法读取请求
    .detail = 无法读取该请求
    .meaning = 请求中途断开，或不符合 HTTP 的规则。
    .remedy = 请检查请求的发送方式；若经过代理，请检查代理。

error-invalid-cursor =
    .title = 游标无效
    .detail = 该游标不属于此列表
    .meaning = 游标只能原样用于产生它的那个列表，且筛选条件与排序须保持一致。
    .remedy = 请去掉游标重新开始，再依次使用返回的 next_cursor。

error-invalid-query =
    .title = 查询参数无效
    .detail = { $count ->
        [0] 查询参数无效
       *[other] 有 { $count } 个查询参数无效
    }
    .meaning = 有查询参数不被识别、重复出现，或取值不被允许。
    .remedy = 请更正 errors 中列出的参数。API 文档列有此操作接受的参数。

error-unauthenticated =
    .title = 请先登录
    .detail = 此操作需要访问令牌
    .meaning = 此操作仅限已登录用户，而请求没有携带访问令牌。
    .remedy = 请先登录，并在请求头 Authorization: Bearer <token> 中携带访问令牌。

error-invalid-token =
    .title = 访问令牌无效
    .detail = 访问令牌已过期、已终止，或并非由我们签发
    .meaning = 访问令牌已过期或格式不正确，或其会话已经结束。
    .remedy = 请用刷新令牌换取新的访问令牌；若仍失败，请重新登录。

error-invalid-credentials =
    .title = 登录失败
    .detail = 邮箱地址或密码错误
    .meaning = 没有与此邮箱地址和密码相符的账号。具体哪一项有误不会告知。
    .remedy = 请核对两者，或重置密码。
error-wrong-current-password = 您账号的当前密码错误

error-invalid-refresh-token =
    .title = 刷新令牌无效
    .detail = 刷新令牌已过期、已终止，或并非由我们签发
    .meaning = 刷新令牌已过期或格式不正确，或其会话已经结束。
    .remedy = 请重新登录。

error-refresh-token-reused =
    .title = 刷新令牌已被使用过
    .detail = 刷新令牌已被使用过，会话因此已结束
    .meaning = 刷新令牌只能使用一次。再次使用可能意味着它已被盗，因此会话已被终止。
    .remedy = 请重新登录。若并非您的客户端所为，请修改密码。

error-forbidden =
    .title = 没有权限
    .detail = 您不能执行此操作
    .meaning = 您已登录，但您的角色都不具备此操作所需的权限。
    .remedy = 请向管理员申请具备该权限的角色。

error-email-not-verified =
    .title = 邮箱地址尚未验证
    .detail = 请先验证您的邮箱地址
    .meaning = 密码正确，但账号的邮箱地址尚待验证。
    .remedy = 请打开验证邮件中的链接；也可以申请重新发送。

error-account-suspended =
    .title = 账号已停用
    .detail = 此账号已停用
    .meaning = 密码正确，但账号已被管理员停用。
    .remedy = 请联系管理员。

error-registration-closed =
    .title = 未开放注册
    .detail = 此处不对公众开放注册
    .meaning = 此服务仅通过邀请创建账号，或完全不开放注册。
    .remedy = 请向管理员索取邀请。

error-not-found =
    .title = 未找到
    .detail = 此处没有任何内容
    .meaning = 路径或其所指的对象不存在，或您无权查看。
    .remedy = 请检查路径和标识。API 文档列有全部路径。

error-method-not-allowed =
    .title = 不支持的方法
    .detail = 此路径不支持该方法
    .meaning = 路径存在，但不支持此方法。
    .remedy = 请使用响应头 Allow 中列出的方法。

error-not-acceptable =
    .title = 无法提供所要求的格式
    .detail = 此内容只能以 JSON 提供
    .meaning = 请求头 Accept 不接受任何可以提供的格式。
    .remedy = 请发送 Accept: application/json，或不发送 Accept。

error-request-timeout =
    .title = 请求到达过慢
    .detail = 请求体未能按时到达
    .meaning = 服务器等待请求体超时，已放弃等待。
    .remedy = 请重新发送；若网络较慢，请减少单次发送的内容。

error-misdirected-request =
    .title = 不在此名称下提供
    .detail = 此内容仅在本机名称下提供
    .meaning = 请求头 Host 所写的主机名不提供此内容：它只供本机使用者访问，而浏览器中的网页可以让自己的域名指向本机。
    .remedy = 请使用 localhost 或本机的 IP 地址访问，或让服务器监听回环地址以外的地址。

error-email-taken =
    .title = 邮箱地址已被使用
    .detail = 已有账号使用此邮箱地址
    .meaning = 两个账号不能使用同一个邮箱地址。
    .remedy = 请换一个地址，或登录已有的账号。

error-last-admin =
    .title = 这是最后一位管理员
    .detail = 不能降级、停用或删除最后一位有效的管理员
    .meaning = 若没有有效的管理员，将无人能够管理此服务。
    .remedy = 请先将其他人设为管理员。

error-conflict =
    .title = 冲突
    .detail = 此操作与当前状态不符
    .meaning = 请求本身有效，但与现有内容冲突：名称已被占用，或当前状态不允许。
    .remedy = 请重新读取当前状态后再作决定。
error-role-taken = 此名称的角色已存在
error-role-built-in = 内置角色既不能更改，也不能删除
error-role-held = 仍有 { $holders } 个账户拥有此角色

error-idempotency-in-progress =
    .title = 相同的请求仍在处理
    .detail = 使用此 Idempotency-Key 的请求仍在处理
    .meaning = 使用此键的首个请求尚未完成，因此还无法重复其响应。
    .remedy = 请稍后用同一个键重试。

error-precondition-failed =
    .title = 内容已变更
    .detail = 在您读取之后，此内容已被修改
    .meaning = 请求头 If-Match 所指的版本已不是当前版本。
    .remedy = 请重新读取，在新版本上重做修改，并发送新的 ETag。

error-payload-too-large =
    .title = 请求体过大
    .detail = 请求体超过 1 MiB
    .meaning = 请求体最多 1,048,576 字节（1 MiB）。
    .remedy = 请减少单次发送的内容。

error-uri-too-long =
    .title = 地址过长
    .detail = 路径与查询串超过 8 KiB
    .meaning = 路径与查询串合计最多 8,192 字节（8 KiB）。
    .remedy = 请缩短查询串。

error-unsupported-media-type =
    .title = 不支持的媒体类型
    .detail = 请求体必须以 application/json 发送
    .meaning = 缺少 Content-Type，或其类型不被此操作支持，或请求体经过压缩。
    .remedy = 请发送 Content-Type: application/json（PATCH 也接受 application/merge-patch+json），且不要发送 Content-Encoding。

error-headers-too-large =
    .title = 请求头过大
    .detail = 请求头超过 16 KiB
    .meaning = 全部请求头合计最多 16,384 字节（16 KiB）。
    .remedy = 请减少或缩短请求头。

error-validation-failed =
    .title = 请求无效
    .detail = { $count ->
        [0] 请求无效
       *[other] 有 { $count } 个字段无效
    }
    .meaning = 请求体是 JSON，但有字段缺失或取值不被允许。
    .remedy = 请更正 errors 中列出的字段。所有问题都会列出，并附有 JSON 指针（RFC 6901）。

error-unknown-field =
    .title = 未知字段
    .detail = { $count ->
        [0] 有字段不被识别
       *[other] 有 { $count } 个字段不被识别
    }
    .meaning = 请求体含有此操作不接受的字段。这些字段会被拒绝，而不会被悄悄忽略。
    .remedy = 请去掉 errors 中列出的字段，并检查拼写。

error-weak-password =
    .title = 密码强度不足
    .detail = 该密码太容易被猜到
    .meaning = 密码过短，或属于最先被猜到的那一类。
    .remedy = 请选用更长的密码，例如几个互不相关的词。

error-invalid-or-expired-token =
    .title = 链接已失效
    .detail = 令牌已过期、已被使用，或已被更新的令牌取代
    .meaning = 邮件中的令牌只能在有限时间内使用一次，并在发出更新的令牌后失效。
    .remedy = 请申请重新发送邮件。

error-idempotency-key-reused =
    .title = Idempotency-Key 已用于其他请求
    .detail = 此 Idempotency-Key 之前用于不同的请求体
    .meaning = 一个键只代表一个请求。同一个键配上不同的请求体是客户端的错误。
    .remedy = 请为每个新请求生成新的键，仅在请求体完全相同时重复使用。

error-rate-limited =
    .title = 请求过于频繁
    .detail = 请求过于频繁：请在 { $seconds } 秒后重试
    .meaning = 来自此地址或账号的请求超过了允许的数量。
    .remedy = 请按响应头 Retry-After 所示的时间等待，并降低请求频率。

error-too-many-attempts =
    .title = 尝试次数过多
    .detail = 尝试次数过多：请在 { $seconds } 秒后重试
    .meaning = 失败的尝试过多，因此一段时间内无论对错都会被拒绝。
    .remedy = 请按响应头 Retry-After 所示的时间等待。

error-internal-error =
    .title = 出错了
    .detail = 我们这边出了问题
    .meaning = 服务器遇到了意料之外的错误，已按请求标识记入日志。
    .remedy = 请重试；若再次发生，请报告请求标识。

error-overloaded =
    .title = 服务繁忙
    .detail = 服务器目前过于繁忙
    .meaning = 服务器的工作量超出了可及时完成的范围，因此拒绝一部分请求，而不是拖慢所有请求。
    .remedy = 请按响应头 Retry-After 所示的时间等待后重试。

error-database-unavailable =
    .title = 服务暂不可用
    .detail = 服务暂时不可用
    .meaning = 数据库目前没有响应。
    .remedy = 请按响应头 Retry-After 所示的时间等待后重试。请求可能已经生效：请使用相同的 Idempotency-Key，或先查询。

error-timeout =
    .title = 处理超时
    .detail = 请求未能按时完成
    .meaning = 服务器未能按时完成该请求，已放弃。请求可能已生效，也可能没有。
    .remedy = 请查看是否已生效，或带上 Idempotency-Key 重试。

## 单个字段的问题：errors 中的 message。

fault-required = 此项必填
fault-unknown-field = 此处没有这个字段
fault-wrong-type = { $expected ->
    [string] 必须是文本
    [integer] 必须是整数
    [number] 必须是数字
    [boolean] 必须是 true 或 false
    [array] 必须是列表
    [object] 必须是对象
   *[null] 必须是 null
}
fault-invalid-value = 不允许此值
fault-invalid-choice = 必须是下列之一：{ $accepted }
fault-not-in-range = 必须是 { $min } 到 { $max } 之间的整数
fault-repeated = 此项只能出现一次
fault-wrong-length = 必须恰好有 { $expected } 项
fault-too-short = 至少需要 { $min } 个字符
fault-too-long = 最多允许 { $max } 个字符
fault-invalid-characters = 含有不允许的字符
fault-unknown-permission = 没有此权限
fault-invalid-idempotency-key = Idempotency-Key 为 1 到 255 个可见的 ASCII 字符，且只发送一次
fault-same-email = 这就是该账户现有的地址
fault-not-with-q = 搜索结果按匹配顺序排列：请去掉 sort 或 q
fault-unknown-role = 没有这个角色
fault-invalid-role-name = 角色名称由 1 到 64 个 a-z、0-9、_ 和 - 组成，并以字母开头
fault-too-many = 条目过多：最多 { $max } 个
fault-invalid-email = 这不是邮箱地址
fault-invalid-time = 这不是 RFC 3339 格式的时间，例如 2026-01-31T12:00:00Z（在查询中，+ 写作 %2B）
fault-invalid-id = 这不是标识
fault-invalid-log-level = 这不是日志级别：应为 error、warn、info、debug、trace 或 off，可带例外，如 info,sqlx=warn
fault-invalid-language = 必须是下列之一：en, zh
fault-weak-password = 该密码太容易被猜到
fault-password-too-short = 密码至少需要 { $min } 个字符
fault-password-is-address = 密码不能与电子邮件地址相同

## Mail

mail-link-hint = 如果按钮无法使用，请打开此链接：
mail-verify-email-subject = 请确认您在 { $service } 的电子邮件地址
mail-verify-email-text = 有人（很可能是您本人）在 { $service } 填写了这个电子邮件地址。

    请打开链接并输入您设置的密码，以确认该地址属于您。链接在 24 小时内有效。

    如果这不是您本人的操作，请忽略此邮件。
mail-verify-email-button = 确认地址
mail-already-registered-subject = 您在 { $service } 已有账户
mail-already-registered-text = 有人（很可能是您本人）尝试用这个电子邮件地址在 { $service } 注册。该地址已有账户。

    请使用您的密码登录。如果这不是您本人的操作，则无需处理。
mail-invitation-subject = 邀请您加入 { $service }
mail-invitation-text = 我们已在 { $service } 为您创建了账户。

    请打开链接设置密码。链接在 24 小时内有效。
mail-invitation-button = 设置密码
mail-reset-password-subject = 为您在 { $service } 的账户设置新密码
mail-reset-password-text = 有人（很可能是您本人）请求为您在 { $service } 的账户设置新密码。

    请打开链接设置新密码。链接在 30 分钟内有效。您的所有会话都将结束。

    如果这不是您本人的操作，请忽略此邮件：一切都没有改变。
mail-reset-password-button = 设置新密码
mail-address-kept-subject = 您在 { $service } 的账户已保留原电子邮件地址
mail-address-kept-text = 您为 { $service } 的账户保留了这个电子邮件地址。想更改地址的人知道您的密码，因此该密码已失效，所有会话也已结束。

    请打开链接设置新密码：在此之前任何人都无法登录。链接在 30 分钟内有效；过期后请在“忘记密码”页面重新获取。
mail-address-kept-button = 设置新密码
mail-address-in-use-subject = 有人在 { $service } 填写了您的电子邮件地址
mail-address-in-use-text = 有人想把这个电子邮件地址用于 { $service } 的另一个账户。该地址属于您的账户，不会改变。

    您无需做任何事。
mail-password-changed-subject = 您在 { $service } 的密码已更改
mail-password-changed-text = 您在 { $service } 的账户密码刚刚已更改，您的其他会话已结束。

    如果这不是您本人的操作，请立即重置密码。
mail-confirm-new-email-subject = 请确认您在 { $service } 的新电子邮件地址
mail-confirm-new-email-text = 您请求 { $service } 从现在起使用这个电子邮件地址。

    请打开链接并输入您的密码，以确认该地址属于您。链接在 24 小时内有效。

    如果这不是您本人的操作，请忽略此邮件。
mail-confirm-new-email-button = 确认新地址
mail-email-change-notice-subject = 您在 { $service } 的电子邮件地址即将更改
mail-email-change-notice-text = 有人（很可能是您本人）请求 { $service } 为您的账户使用另一个电子邮件地址。

    如果这不是您本人的操作，请打开链接以保留此地址。链接在 7 天内有效，更改之后也有效。同时您的密码将失效，我们会向您发送链接以设置新密码。
mail-email-change-notice-button = 保留此地址

## Pages that links in mails open

page-failed = 无法连接服务器，请重试。
page-noscript = 此页面需要启用 JavaScript。
page-verify-email-title = 确认您的电子邮件地址
page-verify-email-explanation = 请输入您账户的密码。
page-verify-email-password = 密码
page-verify-email-button = 确认
page-verify-email-done = 您的地址已确认，现在可以登录。
page-reset-password-title = 设置新密码
page-reset-password-explanation = 您的所有会话都将结束。
page-reset-password-password = 新密码
page-reset-password-button = 设置密码
page-reset-password-done = 您的密码已设置，现在可以登录。
page-accept-invitation-title = 设置密码
page-accept-invitation-explanation = 今后您将使用它登录。
page-accept-invitation-password = 密码
page-accept-invitation-button = 设置密码
page-accept-invitation-done = 您的账户已就绪，现在可以登录。
page-cancel-email-change-title = 保留您的电子邮件地址
page-cancel-email-change-explanation = 更改将被撤销，您账户的所有会话都将结束，密码也将失效：您会收到一封邮件以设置新密码。
page-cancel-email-change-button = 保留此地址
page-cancel-email-change-done = 您的账户保留此地址。请打开我们刚刚发送给您的邮件，并设置新密码。

## API 文档页面

docs-noscript = 此页面需要启用 JavaScript。接口文档本身在这里：
docs-email = 邮箱地址
docs-password = 密码
docs-sign-in = 登录
docs-signed-in = 已登录：
docs-sign-out = 退出登录
docs-needed = 需要此权限
docs-held = 需要此权限，您已拥有

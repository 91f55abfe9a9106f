"""The words of the pages in Japanese and English."""

from collections.abc import Mapping

from tests.practice_lms.model import PageText

LANGUAGES = {"ja": "日本語", "en": "English"}

_WORDS: Mapping[str, tuple[str, str]] = {
    "practice": ("練習用のLMSです。登場する人と組織は架空のものです。", "A practice LMS. People and organisations are fictional."),
    "skip": ("本文へ移動", "Skip to main content"),
    "language": ("言語", "Language"),
    "people": ("人を選ぶ", "Pick a person"),
    "people.lead": (
        "だれとして使うかを選んでください。あとからいつでも替えられます。パスワードは要りません。",
        "Choose whom to be. You can change at any time; no password is needed.",
    ),
    "people.enter": ("この人になる", "Be this person"),
    "people.current": ("いまはこの人です", "You are this person now"),
    "people.switch": ("人を替える", "Change person"),
    "group.staff": ("職員", "Staff"),
    "group.newcomer": ("新しく着任した人", "Newcomers"),
    "group.secretariat": ("ISMS事務局", "ISMS secretariat"),
    "group.teacher": ("コースの教師", "Teachers of the course"),
    "group.planner": ("内部監査の計画担当", "Audit planners"),
    "group.auditor": ("内部監査員", "Internal auditors"),
    "group.external_auditor": ("審査員（外部）", "External auditors"),
    "group.author": ("教材の作成者", "Content authors"),
    "group.manager": ("部門長・管理職", "Managers"),
    "group.administrator": ("LMSの管理者", "Administrators of the LMS"),
    "group.": ("そのほか", "Others"),
    "people.role": ("LMSでの役割: {role}", "Role in the LMS: {role}"),
    "role.student": ("学生", "Student"),
    "role.teacher": ("教師", "Teacher"),
    "role.nonediting_teacher": ("編集権限のない教師", "Non-editing teacher"),
    "role.manager": ("マネージャ", "Manager"),
    "role.admin": ("サイト管理者", "Site administrator"),
    "nav.courses": ("マイコース", "My courses"),
    "nav.course": ("コース", "Course"),
    "nav.grades": ("評定", "Grades"),
    "nav.workshop": ("練習の道具", "Tools"),
    "nav.events": ("記録", "Events"),
    "nav.faults": ("障害", "Faults"),
    "nav.facts": ("接続情報", "Connection"),
    "course.index": ("コースインデックス", "Course index"),
    "course.activities": ("活動", "Activities"),
    "course.enter_first": ("活動を開くには、先に人を選びます。", "Pick a person first to open activities."),
    "activity.external": ("外部ツール", "External tool"),
    "activity.new_window": ("新しいウィンドウで開きます", "Opens in a new window"),
    "activity.open": ("新しいウィンドウで開く", "Open in a new window"),
    "activity.points": ("満点 {points}", "Out of {points}"),
    "activity.ungraded": ("評点なし", "Not graded"),
    "activity.done": ("評点 {grade} / {points}", "Grade {grade} / {points}"),
    "activity.todo": ("評点はまだありません", "No grade yet"),
    "course.copy": ("コースをコピーする", "Copy the course"),
    "course.copy_here": ("このLMSにコピー", "Copy here"),
    "course.copy_elsewhere": ("別の場所に復元したことにする", "As if restored elsewhere"),
    "course.copy_lead": (
        "評点は写りません。別の場所への復元では、ツールに新しいクライアントIDが付きます。",
        "Grades are not copied. A restore elsewhere gives the tool a new client ID.",
    ),
    "tools.title": ("ツールの管理", "Manage tools"),
    "tools.lead": (
        "このLMSに登録されているツールです。登録用URLを入れると、ツールが自分で登録します。",
        "Tools registered here. Enter a registration URL and the tool registers itself.",
    ),
    "tools.url": ("ツールの登録用URL", "Registration URL of the tool"),
    "tools.url_lead": (
        "ツールの管理者が発行した、一度だけ使える招待のURLです。",
        "The invitation, good for one registration, that the tool's administrator has issued.",
    ),
    "tools.add": ("LTI Advantageを追加", "Add LTI Advantage"),
    "tools.list": ("登録されているツール", "Registered tools"),
    "tools.active": ("有効", "Active"),
    "tools.pending": ("保留", "Pending"),
    "tools.in_chooser": ("活動チューザに表示", "In the activity chooser"),
    "tools.activate": ("有効にする", "Activate"),
    "tools.show": ("活動チューザに出す", "Show in the activity chooser"),
    "tools.hide": ("活動チューザから外す", "Take out of the activity chooser"),
    "tools.remove": ("登録を消す", "Remove"),
    "tools.registering": ("ツールの登録", "Registering a tool"),
    "tools.registering_lead": (
        "下はツールの画面です。終わると一覧に戻ります。戻らないときは:",
        "Below is the tool's own page. When it is done you get back to the list; if not:",
    ),
    "tools.known": ("同じドメインのツールがあります", "There is a tool of this domain already"),
    "tools.known_lead": (
        "更新すると、クライアントIDとデプロイメントIDはそのまま、設定だけが変わります。",
        "An update keeps client ID and deployment ID and changes the settings alone.",
    ),
    "tools.update": ("更新する", "Update"),
    "tools.anew": ("別のツールとして新しく登録する", "Register as a new tool"),
    "content.add": ("活動を追加する", "Add an activity"),
    "content.choose": ("コンテンツを選ぶ", "Select content"),
    "content.no_tool": (
        "活動チューザに出ているツールがありません。", "No tool is shown in the activity chooser.",
    ),
    "content.editors_only": (
        "活動を追加できるのは、教師・マネージャ・サイト管理者です。",
        "Teachers, managers and the site administrator add activities.",
    ),
    "content.refused": (
        "ツールからの回答を受け取れませんでした。何も追加していません。",
        "The tool's answer was not accepted. Nothing was added.",
    ),
    "content.returned": ("選んだコンテンツ", "Selected content"),
    "content.added": ("追加した活動: {count} 件", "Activities added: {count}"),
    "content.new": ("追加しました", "Added"),
    "review.title": ("受験内容の確認", "Submission review"),
    "review.of": ("{person} さんの受験内容", "Work of {person}"),
    "review.foreign": (
        "ほかの学生の受験内容です。Moodleはこの起動を止めないので、ツールが断るはずです。",
        "This is another student's work. Moodle does not stop this launch; the tool has to refuse it.",
    ),
    "grades.review": ("受験内容を見る", "Review the submission"),
    "grades.review_short": ("確認", "Review"),
    "kind.course": ("コース", "course"),
    "tool.gone": (
        "この活動のツールは、もう登録されていません。", "The tool of this activity is no longer registered.",
    ),
    "login.going": ("ツールへ移動しています…", "Going to the tool…"),
    "login.returning": ("ツールへ戻っています…", "Returning to the tool…"),
    "login.continue": ("続ける", "Continue"),
    "return.title": ("コースに戻る", "Return to the course"),
    "return.back": ("コースへ戻る", "Back to the course"),
    "auth.nobody": (
        "この LMS ではまだだれも選ばれていません。人を選んでから、活動を開き直してください。",
        "Nobody is picked in this LMS yet. Pick a person, then open the activity again.",
    ),
    "auth.untrusted": (
        "ツールからの要求に答えられません。コースに戻って、活動を開き直してください。",
        "The tool's request cannot be answered. Go back to the course and open the activity again.",
    ),
    "stale_form": (
        "フォームが古くなりました。前のページを読み込み直してください。",
        "The form is out of date. Load the previous page again.",
    ),
    "error.title": ("続けられません", "This cannot go on"),
    "error.missing": ("そのページはありません。", "There is no such page."),
    "error.reason": ("理由", "Reason"),
    "grades.title": ("評定表", "Grader report"),
    "grades.lead": (
        "ツールが送った評点です。教師のように上書きしたり、消したりできます。",
        "Grades that the tool sent. You can override or delete them, as a teacher could.",
    ),
    "grades.person": ("人", "Person"),
    "grades.grade": ("評点", "Grade"),
    "grades.time": ("日時", "Time"),
    "grades.comment": ("コメント", "Comment"),
    "grades.overridden": ("上書き済み", "Overridden"),
    "grades.edit": ("変更", "Edit"),
    "grades.none": ("—", "—"),
    "grades.nobody": ("評点を受け取る人がいません。", "Nobody here can be graded."),
    "grades.sent": ("ツールが送った評点", "Sent by the tool"),
    "grades.override": ("上書きする", "Override"),
    "grades.override_to": ("上書きする評点（0〜{points}）", "Grade to put over it (0 to {points})"),
    "grades.lift": ("上書きをやめる", "Lift the override"),
    "grades.empty": ("空欄で上書きする", "Empty the cell"),
    "grades.empty_lead": (
        "空欄にすると、あとから届く得点も反映されません。", "Emptied: scores that come later change nothing.",
    ),
    "grades.lock": ("ロックする", "Lock"),
    "grades.unlock": ("ロックを外す", "Unlock"),
    "grades.locked": ("ロック中", "Locked"),
    "grades.lock_lead": (
        "ロックしている間、ツールの得点には 500 を返します。", "Locked: scores of the tool are answered 500.",
    ),
    "grades.delete": ("評点を消す", "Delete the grade"),
    "grades.delete_lead": ("消すと、評点・コメント・日時がなくなります。", "Deleted: grade, comment and time disappear."),
    "events.title": ("出来事の記録", "Event log"),
    "events.lead": ("新しいものが上です（{shown}／{total} 件）。", "Newest first ({shown} of {total})."),
    "events.all": ("すべて", "All"),
    "events.none": ("まだ何も起きていません。", "Nothing has happened yet."),
    "events.time": ("日時", "Time"),
    "events.kind": ("種類", "Kind"),
    "events.person": ("人", "Person"),
    "events.what": ("内容", "What"),
    "events.status": ("状態", "Status"),
    "events.reason": ("理由", "Reason"),
    "kind.login": ("ログイン開始", "login"),
    "kind.auth": ("認証", "authorization"),
    "kind.launch": ("起動", "launch"),
    "kind.token": ("トークン", "token"),
    "kind.jwks": ("公開鍵", "key set"),
    "kind.lineitems": ("評定項目の一覧", "line items"),
    "kind.lineitem": ("評定項目", "line item"),
    "kind.results": ("結果", "results"),
    "kind.scores": ("得点", "scores"),
    "kind.memberships": ("名簿", "roster"),
    "kind.configuration": ("設定の公開", "configuration"),
    "kind.registration": ("ツールの登録", "registration"),
    "kind.tool": ("ツールの管理", "tools"),
    "kind.content": ("コンテンツの選択", "content"),
    "kind.gradebook": ("評定表", "gradebook"),
    "faults.title": ("障害を起こす", "Faults on demand"),
    "faults.lead": (
        "ツールからの呼び出しを、わざと失敗させます。", "Make calls of the tool fail on purpose.",
    ),
    "faults.active": ("起きている障害", "Faults switched on"),
    "faults.none": ("いまは何も起きません。", "Nothing goes wrong now."),
    "faults.add": ("障害を入れる", "Switch a fault on"),
    "faults.endpoint": ("呼び出し先", "Endpoint"),
    "faults.kind": ("起きること", "What happens"),
    "faults.calls": ("次の何回に起きるか（空欄は止めるまで）", "How many calls (empty: until switched off)"),
    "faults.share": ("割合（％）", "Share of calls (%)"),
    "faults.seconds": ("待たせる秒数", "Delay in seconds"),
    "faults.retry_after": ("Retry-After（秒）", "Retry-After (seconds)"),
    "faults.served": ("これまでに {count} 回", "so far: {count}"),
    "faults.left": ("残り {count} 回", "still to come: {count}"),
    "faults.remove": ("止める", "Switch off"),
    "faults.clear": ("すべて止める", "Switch all off"),
    "fault.409": ("409 新しい得点がある", "409 holds a newer score"),
    "fault.401": ("401 トークンが無効", "401 token not known"),
    "fault.429": ("429 多すぎる要求", "429 Too Many Requests"),
    "fault.500": ("500 サーバの故障（処理しない）", "500 server error, not processed"),
    "fault.503": ("503 一時停止", "503 unavailable"),
    "fault.timeout": ("処理せず、待たせてから切る", "not processed: hold, then hang up"),
    "fault.slow": ("処理するが、遅れて返事する", "processed, answered late"),
    "fault.lost-reply": ("処理するが、返事せずに切る", "processed, then hang up without a reply"),
    "fault.error-after": ("処理するが、500 を返す", "processed, then 500"),
    "fault.cut": ("処理するが、返事の途中で切る", "processed, cut off in mid-reply"),
    "fault.trickle": ("処理するが、返事を一文字ずつ送る", "processed, answered byte by byte"),
    "fault.redirect": ("処理せず、別のアドレスへ転送する", "not processed: redirect elsewhere"),
    "fault.huge": ("処理せず、巨大な返事を送る", "not processed: a huge reply"),
    "fault.not-json": ("処理せず、HTMLのページを返す", "not processed: a page of HTML"),
    "fault.elsewhere": (
        "返事の中のアドレスが別の場所を指す（設定・名簿）", "addresses in the reply lie elsewhere (configuration, roster)",
    ),
    "fault.endless": ("次のページがいつまでも続く（名簿）", "one more page, for ever (roster)"),
    "faults.after": ("その前に通す回数", "Calls that pass first"),
    "faults.location": ("転送先・別の場所のアドレス", "Address of redirect or elsewhere"),
    "facts.title": ("接続情報", "Connection facts"),
    "facts.lead": (
        "ツールの側にこの LMS を登録するときに使う値です。", "What a tool needs to register this LMS.",
    ),
    "facts.platform": ("この LMS", "This LMS"),
    "facts.tool": ("登録されているツール", "The registered tool"),
    "facts.copy": ("写す", "Copy"),
    "facts.copied": ("写しました", "Copied"),
    "facts.issuer": ("発行者（issuer）", "Issuer"),
    "facts.client_id": ("クライアントID", "Client ID"),
    "facts.deployment_id": ("デプロイメントID", "Deployment ID"),
    "facts.auth": ("認証リクエストURL", "Authentication request URL"),
    "facts.token": ("アクセストークンURL", "Access token URL"),
    "facts.jwks": ("公開鍵セットURL", "Public keyset URL"),
    "facts.login_url": ("ログイン開始URL", "Initiate login URL"),
    "facts.redirect": ("リダイレクトURI", "Redirection URI"),
    "facts.tool_jwks": ("ツールの公開鍵セットURL", "The tool's public keyset URL"),
    "facts.target": ("ツールURL", "Tool URL"),
    "facts.profile": ("プロファイル", "Profile"),
    "facts.names": ("氏名を送る", "Sends names"),
    "facts.email": ("メールアドレスを送る", "Sends e-mail addresses"),
    "facts.clock": ("この LMS の時計", "Clock of this LMS"),
    "yes": ("はい", "Yes"),
    "no": ("いいえ", "No"),
    "back": ("戻る", "Back"),
}  # fmt: skip


def say(language: str, key: str, **facts: object) -> str:
    """The words for a key, with its placeholders filled.

    Raises:
        KeyError: There are no words for this key.
    """
    japanese, english = _WORDS[key]
    return (japanese if language == "ja" else english).format(**facts)


def local(text: PageText, language: str) -> str:
    """A text of the configuration in this language, or in the one that it has."""
    if isinstance(text, str):
        return text
    return text.get(language) or next(iter(text.values()), "")


def group_title(group: PageText, language: str) -> str:
    """The heading of a group: ours for a well-known name, else the configuration's own words."""
    if isinstance(group, str) and f"group.{group}" in _WORDS:
        return say(language, f"group.{group}")
    return local(group, language)


def all_words() -> Mapping[str, tuple[str, str]]:
    """Every key with its Japanese and English words."""
    return _WORDS

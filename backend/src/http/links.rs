//! Where the links of mails and invitations lead a browser. The code stands behind the `#`, which never reaches the server: the page can
//! only say where it belongs.

use axum::response::Html;

const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\"><title>CollabTrack</title></head>
<body>
<h1>This link is for CollabTrack</h1>
<p>Copy the whole address of this page and paste it into the app where it asks for a code.</p>
<p>It works once. Give it to nobody else.</p>
</body>
</html>
";

/// The same page for every kind of link.
pub(super) async fn page() -> Html<&'static str> {
    Html(PAGE)
}

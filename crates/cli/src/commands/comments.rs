//! Comments on versions.

use collabtrack_domain::id::{CommentId, TrackId, VersionId};
use collabtrack_library::Library;
use collabtrack_library::view::CommentView;

use crate::arguments::Comment;
use crate::output::{Output, Trouble};
use crate::select;

/// Runs a `comment` command.
pub(crate) async fn run(library: &Library, command: Comment, output: &Output) -> Result<(), Trouble> {
    match command {
        Comment::List { track } => {
            let track = select::track(library, &track).await?;
            let comments = library.comments(&TrackId::parse(&track.track.id)?).await?;
            output.answer(&comments, |comments| comments.iter().map(line).collect());
        }
        Comment::Add { version, text, at, to, reply_to } => {
            let version = VersionId::parse(&select::version(library, &version).await?.id)?;
            let to = to.as_deref().map(place).transpose()?;
            let reply_to = reply_to.as_deref().map(CommentId::parse).transpose()?;
            let added = library.add_comment(&version, place(&at)?, to, &text, reply_to.as_ref()).await?;
            output.answer(&added, |comment| format!("Written; sent with the next sync:\n{}", line(comment)));
        }
        Comment::Resolve { comment } => {
            output.answer(&library.settle_comment(&CommentId::parse(&comment)?, true).await?, line);
        }
        Comment::Reopen { comment } => {
            output.answer(&library.settle_comment(&CommentId::parse(&comment)?, false).await?, line);
        }
    }
    Ok(())
}

fn line(comment: &CommentView) -> String {
    let to = comment.to_ms.map(|to| format!("–{}", clock(to))).unwrap_or_default();
    let (reply, settled) = (if comment.reply_to.is_some() { "  ↳ " } else { "" }, if comment.resolved { " (settled)" } else { "" });
    let at = clock(comment.from_ms);
    format!("  {reply}{}  version {} {at}{to}  {}{settled}: {}\n", comment.id, comment.version_number, comment.author, comment.text)
}

fn clock(ms: i64) -> String {
    format!("{}:{:02}", ms / 60_000, ms / 1_000 % 60)
}

/// `M:SS`, `M:SS.mmm` or seconds, in ms.
fn place(text: &str) -> Result<i64, Trouble> {
    let wrong = || Trouble::new(format!("{text:?} is no place in the music"), "Nothing was written.", "Write it like 1:04 or 64.5.");
    let (minutes, seconds) = match text.split_once(':') {
        Some((minutes, seconds)) => (minutes.parse::<u16>().map_err(|_| wrong())?, seconds),
        None => (0, text),
    };
    let seconds: f64 = seconds.parse().map_err(|_| wrong())?;
    let in_range = seconds.is_finite() && seconds >= 0.0 && (minutes == 0 || seconds < 60.0) && seconds < 86_400.0;
    if in_range { Ok(i64::from(minutes) * 60_000 + (seconds * 1_000.0).round() as i64) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_musicians_write_them() {
        for (text, want) in [("0", 0), ("1:04", 64_000), ("64.5", 64_500), ("2:00.250", 120_250), ("90", 90_000)] {
            assert_eq!(place(text).expect(text), want);
        }
        for text in ["", "1:", ":4", "1:60", "-1", "1:-2", "NaN", "inf", "1:2:3", "abc", "99999999"] {
            assert!(place(text).is_err(), "{text}");
        }
    }
}

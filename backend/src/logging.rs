//! The log on standard error. What is logged never holds tokens, signed addresses, e-mail addresses or file contents: those types are
//! not printable, and errors of the store are reduced to their codes.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::{LogConfig, LogFormat};

/// Starts logging; a second call changes nothing.
pub fn start(config: &LogConfig) {
    // Libraries below speak of requests and headers at their lower levels; those stay off whatever the filter says.
    let filter = EnvFilter::new(format!(
        "{},s3s=off,hyper=warn,hyper_util=warn,aws_smithy_runtime=warn,aws_sdk_s3=warn,aws_runtime=warn,sqlx=warn",
        config.filter
    ));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_span_events(FmtSpan::NONE);
    let started = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
}

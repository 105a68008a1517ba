//! Whether the run lives, whether it takes samples, and a way to reload its rules.

use super::Api;
use crate::live::LiveError;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;

/// Always 200: the process answers.
pub async fn healthy() -> &'static str {
    "Bellwether is Healthy.\n"
}

/// 200 once everything that was on disk has been handed to the dataflow, 503 before.
pub async fn ready(State(api): State<Arc<Api>>) -> (StatusCode, &'static str) {
    if api.run.is_ready() {
        (StatusCode::OK, "Bellwether is Ready.\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "Bellwether reads back what was on disk.\n")
    }
}

/// Reads the rule files again; 500 with everything that is wrong with them if they are not good.
pub async fn reload(State(api): State<Arc<Api>>) -> (StatusCode, String) {
    // Compiling thousands of rules takes a while: not on a thread that answers others.
    let done = tokio::task::spawn_blocking(move || api.run.reload()).await;
    match done {
        Ok(Ok(Some(rules))) => {
            (StatusCode::OK, format!("reloaded: {rules} rules take effect as soon as what is new is warm\n"))
        }
        Ok(Ok(None)) => (StatusCode::OK, "nothing has changed\n".to_owned()),
        Ok(Err(LiveError::Rules(all))) => {
            let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
            let text = format!("the rules before stay in force:\n{}\n", texts.join("\n\n"));
            (StatusCode::INTERNAL_SERVER_ERROR, text)
        }
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

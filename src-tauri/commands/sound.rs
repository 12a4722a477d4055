//! Waveforms and the player.

use collabtrack_domain::id::VersionId;
use collabtrack_library::view::{BlindButton, BlindKind, PlayerView, Slot};
use tauri::State;
use tauri::ipc::Response;

use crate::app::App;
use crate::error::CommandResult;

/// Peaks of a range, as raw bytes in the view format.
#[tauri::command]
pub(crate) async fn waveform(app: State<'_, App>, version: String, from_frame: u64, to_frame: u64, width: u32) -> CommandResult<Response> {
    let bytes = app.library.waveform(&VersionId::parse(&version)?, from_frame, to_frame, width).await?;
    Ok(Response::new(bytes))
}

/// The coarse waveform of a list row, as raw bytes in the view format.
#[tauri::command]
pub(crate) async fn overview(app: State<'_, App>, version: String) -> CommandResult<Response> {
    Ok(Response::new(app.library.overview(&VersionId::parse(&version)?).await?))
}

/// The player's state.
#[tauri::command]
pub(crate) async fn player(app: State<'_, App>) -> CommandResult<PlayerView> {
    Ok(app.player.view())
}

/// Puts a version into a slot.
#[tauri::command]
pub(crate) async fn player_load(app: State<'_, App>, slot: Slot, version: String) -> CommandResult<PlayerView> {
    app.player.load(slot, &VersionId::parse(&version)?).await
}

/// Empties a slot.
#[tauri::command]
pub(crate) async fn player_unload(app: State<'_, App>, slot: Slot) -> CommandResult<PlayerView> {
    app.player.unload(slot)
}

/// Plays.
#[tauri::command]
pub(crate) async fn player_play(app: State<'_, App>) -> CommandResult<PlayerView> {
    app.player.play()
}

/// Pauses.
#[tauri::command]
pub(crate) async fn player_pause(app: State<'_, App>) -> CommandResult<PlayerView> {
    app.player.pause()
}

/// Goes to a position in seconds.
#[tauri::command]
pub(crate) async fn player_seek(app: State<'_, App>, seconds: f64) -> CommandResult<PlayerView> {
    app.player.seek(seconds)
}

/// Lets the other slot be heard, at the same frame.
#[tauri::command]
pub(crate) async fn player_flip(app: State<'_, App>, slot: Slot) -> CommandResult<PlayerView> {
    app.player.flip(slot)
}

/// Level matching on or off.
#[tauri::command]
pub(crate) async fn player_level_match(app: State<'_, App>, on: bool) -> CommandResult<PlayerView> {
    app.player.level_match(on)
}

/// Loops a range in seconds, or ends looping.
#[tauri::command]
pub(crate) async fn player_loop(app: State<'_, App>, range: Option<(f64, f64)>) -> CommandResult<PlayerView> {
    app.player.set_loop(range)
}

/// Volume, 0 to 1.
#[tauri::command]
pub(crate) async fn player_volume(app: State<'_, App>, volume: f64) -> CommandResult<PlayerView> {
    app.player.volume(volume)
}

/// Hears slot B minus slot A, or one of them again.
#[tauri::command]
pub(crate) async fn player_difference(app: State<'_, App>, on: bool) -> CommandResult<PlayerView> {
    app.player.difference(on)
}

/// Starts a blind test between the slots.
#[tauri::command]
pub(crate) async fn blind_start(app: State<'_, App>, kind: BlindKind, trials: u32) -> CommandResult<PlayerView> {
    app.player.blind_start(kind, trials)
}

/// Hears a button of the blind test.
#[tauri::command]
pub(crate) async fn blind_hear(app: State<'_, App>, button: BlindButton) -> CommandResult<PlayerView> {
    app.player.blind_hear(button)
}

/// Says which version X is.
#[tauri::command]
pub(crate) async fn blind_answer(app: State<'_, App>, slot: Slot) -> CommandResult<PlayerView> {
    app.player.blind_answer(slot)
}

/// Shows which version was which.
#[tauri::command]
pub(crate) async fn blind_reveal(app: State<'_, App>) -> CommandResult<PlayerView> {
    Ok(app.player.blind_reveal())
}

/// Ends the blind test.
#[tauri::command]
pub(crate) async fn blind_end(app: State<'_, App>) -> CommandResult<PlayerView> {
    Ok(app.player.blind_end())
}

/// Names of the devices one can listen on.
#[tauri::command]
pub(crate) async fn devices(app: State<'_, App>) -> CommandResult<Vec<String>> {
    Ok(app.player.devices())
}

/// Chooses a device; none follows the system.
#[tauri::command]
pub(crate) async fn choose_device(app: State<'_, App>, device: Option<String>) -> CommandResult<PlayerView> {
    Ok(app.player.choose_device(device))
}

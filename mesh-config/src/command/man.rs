//! `sallyport man`: manual pages, from the definitions of the help.

use std::fs;

use clap::CommandFactory;
use clap_mangen::Man;

use super::failure::Failure;
use crate::args::{Cli, ManArgs};
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(args: &ManArgs) -> Result<Exit, Failure> {
    let command = Cli::command();
    match &args.out {
        Some(folder) => {
            fs::create_dir_all(folder).map_err(Failure::unwritable(folder))?;
            clap_mangen::generate_to(command, folder).map_err(Failure::unwritable(folder))?;
        }
        None => {
            let mut page = Vec::new();
            Man::new(command)
                .render(&mut page)
                .map_err(Failure::Output)?;
            terminal::raw(&page).map_err(Failure::Output)?;
        }
    }
    Ok(Exit::Ok)
}

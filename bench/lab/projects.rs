//! The C projects that the benches compile: Lua, and one that is made up.
//!
//! Both have a Makefile that leaves its objects where it is called; `ROOT` tells it where the project is.
//! Nothing of Lua is kept in this repository: its sources come with the crate `lua-src`, which cargo has
//! fetched to build the benches.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::kit;

/// C files of the made-up project, beside its main program.
const SOURCES: usize = 40;

/// Makes the project of a name, `lua` or `tiny`. *Errors:* why it is not to be had.
pub(crate) fn make(name: &str, directory: &Path) -> Result<(), String> {
    match name {
        "lua" => lua(directory),
        "tiny" => {
            tiny(directory);
            Ok(())
        }
        other => unreachable!("no bench needs a project named {other}"),
    }
}

/// Copies the sources of Lua 5.4. *Errors:* why they are not to be had.
fn lua(directory: &Path) -> Result<(), String> {
    let sources = lua_sources()?;
    let failed = |error: std::io::Error| format!("copying {}: {error}", sources.display());
    fs::create_dir_all(directory).map_err(failed)?;
    for entry in fs::read_dir(&sources).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            // What cargo has unpacked may be read-only, which a copy of the mode would keep.
            let text = fs::read(&path).map_err(failed)?;
            fs::write(directory.join(name), text).map_err(failed)?;
        }
    }
    fs::write(directory.join("Makefile"), MAKEFILE).map_err(failed)
}

/// Lua's own options, and those of a shared library.
const MAKEFILE: &str = "OBJECTS=$(patsubst $(ROOT)/%.c,%.o,$(wildcard $(ROOT)/*.c))
liblua.so: $(OBJECTS)
\tcc -shared -o $@ $(OBJECTS) -lm -ldl
%.o: $(ROOT)/%.c
\tcc -O2 -Wall -fPIC -DLUA_USE_LINUX -I$(ROOT) -c -o $@ $<
";

/// Where cargo keeps the newest Lua 5.4 of `lua-src`.
fn lua_sources() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut ask = std::process::Command::new(cargo);
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    ask.args(["metadata", "--offline", "--format-version=1", "--filter-platform", &target]);
    let ran = kit::run(ask.current_dir(env!("CARGO_MANIFEST_DIR")));
    if !ran.status.success() {
        return Err(format!("cargo does not tell where lua-src is: {}", ran.err()));
    }
    let told: Value = serde_json::from_slice(&ran.stdout).map_err(|error| error.to_string())?;
    let packages = told["packages"].as_array().into_iter().flatten();
    let manifest = packages
        .filter(|package| package["name"] == "lua-src")
        .find_map(|package| package["manifest_path"].as_str())
        .ok_or("cargo does not know lua-src")?;
    let unpacked = Path::new(manifest).parent().ok_or("lua-src lies nowhere")?;
    let mut versions: Vec<PathBuf> = fs::read_dir(unpacked)
        .map_err(|error| error.to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"lua-5.4"))
        })
        .collect();
    versions.sort();
    versions.pop().ok_or("this lua-src has no Lua 5.4".to_owned())
}

/// Writes a project of many tiny files: a header each, includes of the C library, a function of a few lines.
/// The compiler is done with one almost when it has started, so what is measured is its start.
fn tiny(directory: &Path) {
    fs::create_dir_all(directory.join("include")).expect("it is ours");
    let write = |name: String, text: String| {
        fs::write(directory.join(name), text).expect("it is ours");
    };
    let mut objects = String::new();
    let mut calls = String::new();
    for at in 0..SOURCES {
        write(
            format!("include/part{at}.h"),
            format!("#pragma once\n#include <stddef.h>\nsize_t part{at}(const char *text);\n"),
        );
        let other = (at + 1) % SOURCES;
        write(
            format!("part{at}.c"),
            format!(
                "#include <errno.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n\
                 #include <string.h>\n#include <unistd.h>\n#include \"part{at}.h\"\n\
                 #include \"part{other}.h\"\n\
                 static uint32_t mix(uint32_t sum, uint8_t byte) {{ return (sum ^ byte) * 16777619u; }}\n\
                 size_t part{at}(const char *text) {{\n\
                 \x20   uint32_t sum = {at};\n\
                 \x20   for (size_t i = 0; i < strlen(text); i++) sum = mix(sum, (uint8_t)text[i]);\n\
                 \x20   if (sum == 0) fprintf(stderr, \"%s: %s\\n\", text, strerror(errno));\n\
                 \x20   return sum % 7 ? sum : part{other}(text + 1);\n}}\n"
            ),
        );
        objects += &format!(" part{at}.o");
        calls += &format!(" + part{at}(name)");
    }
    let headers: String = (0..SOURCES).map(|at| format!("#include \"part{at}.h\"\n")).collect();
    write(
        "main.c".to_owned(),
        format!(
            "{headers}int main(int count, char **names) {{ const char *name = names[0]; return (count{calls}) == 0; }}\n"
        ),
    );
    write(
        "Makefile".to_owned(),
        format!(
            "program: main.o{objects}\n\tcc -o $@ $^\n\
             %.o: $(ROOT)/%.c\n\tcc -O1 -I $(ROOT)/include -c -o $@ $<\n"
        ),
    );
}

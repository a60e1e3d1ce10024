"use strict";
// Fills the tables of processes and files from the data in the page. Whatever a program named is put in as
// text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const STEP = 250;

  const cell = (row, text, kind) => {
    const td = document.createElement("td");
    td.textContent = text;
    if (kind) td.className = kind;
    row.appendChild(td);
    return td;
  };
  const clear = (node) => { while (node.firstChild) node.removeChild(node.firstChild); };
  const milliseconds = (us) => (us / 1000).toFixed(us < 10000 ? 2 : 0) + " ms";

  // Shows the first rows of what matches, and more of them when asked.
  const table = (name, rows, matches, fill) => {
    const body = document.getElementById(name);
    const told = document.getElementById(name + "-told");
    const more = document.getElementById(name + "-more");
    let found = [];
    let shown = 0;
    const step = () => {
      for (const row of found.slice(shown, shown + STEP)) {
        const tr = document.createElement("tr");
        fill(tr, row);
        body.appendChild(tr);
      }
      shown = Math.min(found.length, shown + STEP);
      told.textContent = found.length + " of " + rows.length + (shown < found.length ? ", the first " + shown + " shown" : "");
      more.hidden = shown === found.length;
    };
    const start = () => {
      found = rows.filter(matches);
      shown = 0;
      clear(body);
      step();
    };
    more.addEventListener("click", step);
    start();
    return start;
  };

  const search = document.getElementById("search");
  const role = document.getElementById("role");
  const words = () => search.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
  let wanted = words();
  const files = table("files", data.files,
    (file) => (role.value === "" || file.roles.includes(role.value)) &&
      wanted.every((word) => file.path.toLowerCase().includes(word) || file.digest.startsWith(word)),
    (tr, file) => {
      cell(tr, file.path, "path");
      cell(tr, file.roles.join(", "));
      cell(tr, file.digest, "path");
      cell(tr, file.pids.map((number) => data.processes[number].pid).join(", "));
    });
  const again = () => { wanted = words(); files(); };
  search.addEventListener("input", again);
  role.addEventListener("change", again);

  const end = Math.max(1, data.end_us);
  const find = document.getElementById("find");
  let program = "";
  const processes = table("processes", data.processes,
    (process) => process.command.toLowerCase().includes(program),
    (tr, process) => {
      cell(tr, process.pid, "n");
      cell(tr, process.command, "path");
      cell(tr, process.ending);
      const stop = process.end_us === null ? end : process.end_us;
      cell(tr, milliseconds(stop - process.start_us), "n");
      const track = document.createElement("div");
      track.className = "track";
      const bar = document.createElement("div");
      bar.className = process.failed ? "bar failed" : "bar";
      bar.style.left = 100 * process.start_us / end + "%";
      bar.style.width = 100 * (stop - process.start_us) / end + "%";
      track.setAttribute("role", "img");
      track.setAttribute("aria-label", "from " + milliseconds(process.start_us) + " to " + milliseconds(stop));
      track.appendChild(bar);
      cell(tr, "").appendChild(track);
    });
  find.addEventListener("input", () => { program = find.value.toLowerCase(); processes(); });
})();

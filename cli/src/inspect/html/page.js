"use strict";
// The filter of the findings. Everything else works without.
(() => {
  const form = document.getElementById("filter");
  const table = document.getElementById("finding-table");
  if (!form || !table) return;
  const text = document.getElementById("filter-text");
  const kind = document.getElementById("filter-kind");
  const log = document.getElementById("filter-log");
  const count = document.getElementById("filter-count");
  const rows = Array.from(table.tBodies[0].rows, (row) => ({ row, words: row.textContent.toLowerCase() }));

  const apply = () => {
    const wanted = text.value.trim().toLowerCase();
    let shown = 0;
    for (const { row, words } of rows) {
      const matches =
        (!kind.value || row.dataset.kind === kind.value) &&
        (!log.value || row.dataset.log === log.value) &&
        (!wanted || words.includes(wanted));
      row.hidden = !matches;
      if (matches) shown += 1;
    }
    count.value = `${shown} of ${rows.length} shown`;
  };

  // A link to a row that the filter hides shows it again.
  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (!target) return;
    if (target.hidden) {
      form.reset();
      apply();
      target.scrollIntoView({ block: "center" });
    }
    if (target.tagName === "TR") target.focus({ preventScroll: true });
  };

  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  window.addEventListener("hashchange", reveal);
  apply();
  reveal();
})();

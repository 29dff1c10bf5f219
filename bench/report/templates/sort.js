"use strict";
for (const table of document.querySelectorAll("main table:has(th button)")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
    const rows = [...table.tBodies[0].rows];
    const numeric = rows.some((row) => row.cells[column].dataset.sort !== undefined);
    const worth = (row) => row.cells[column].dataset.sort === undefined ? -Infinity : Number(key(row));
    rows.sort((a, b) => (up ? 1 : -1) * (numeric ? worth(a) - worth(b) : key(a).localeCompare(key(b))));
    table.tBodies[0].append(...rows);
  }));
}

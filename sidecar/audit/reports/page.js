"use strict";
(() => {
  const make = (name, attributes) => Object.assign(document.createElement(name), attributes);

  const filters = [];
  const everywhere = make("input", {
    type: "search", id: "everywhere", placeholder: "Filter every table, e.g. by a customer's id",
    ariaLabel: "Filter every table",
  });
  document.querySelector("nav").before(everywhere);
  everywhere.addEventListener("input", () => filters.forEach((filter) => filter()));

  const valueOf = (row, column) => row.cells[column].textContent;
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };

  for (const section of document.querySelectorAll("section[data-table]")) {
    const table = section.querySelector("table");
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

    const own = make("input", {
      type: "search", placeholder: "Filter this table",
      ariaLabel: `Filter ${section.querySelector("h2").textContent}`,
    });
    const shown = make("p", { className: "quiet", ariaLive: "polite" });
    table.parentElement.before(own, shown);

    const filter = () => {
      const wanted = [own, everywhere].map((input) => input.value.trim().toLowerCase());
      let count = 0;
      for (const row of rows) {
        row.hidden = !wanted.every((word) => texts.get(row).includes(word));
        count += row.hidden ? 0 : 1;
      }
      shown.textContent = `${count} of ${rows.length} rows`;
    };
    own.addEventListener("input", filter);
    filters.push(filter);
    filter();

    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", { type: "button", textContent: head.textContent });
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        rows.sort((a, b) => compare(valueOf(a, column), valueOf(b, column)) * (down ? -1 : 1));
        body.append(...rows);
      });
    });
  }
})();

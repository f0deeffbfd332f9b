// Looks at the picture of the page as a person would, and writes what it saw into the page: what lies outside, what overlaps, what cannot be read.
"use strict";
const svg = document.querySelector("svg");
const found = [];
const slack = 1.5;
const rect = (one) => one.getBoundingClientRect();
const inside = (a, b) => a.left >= b.left - slack && a.top >= b.top - slack && a.right <= b.right + slack && a.bottom <= b.bottom + slack;
const name = (one) => `${one.tagName} "${one.textContent.trim().slice(0, 40)}"`;
const whole = rect(svg);
const texts = [...svg.querySelectorAll("text")];
const fields = [...svg.querySelectorAll("rect")].filter((one) => rect(one).width < whole.width - 4);
const paper = [...svg.querySelectorAll("rect")].find((one) => rect(one).width >= whole.width - 4);

const channel = (c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
const light = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
};
const contrast = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
};
const fill = (one) => getComputedStyle(one).fill;

let least = 21;
for (const text of texts) {
    const box = rect(text);
    if (!inside(box, whole)) found.push(`${name(text)} reaches out of the picture`);
    const begins = fields.filter((one) => rect(one).left <= box.left + slack && rect(one).right > box.left && rect(one).top <= box.top + slack && rect(one).bottom > box.top + box.height / 2);
    for (const field of begins) if (!inside(box, rect(field))) found.push(`${name(text)} reaches out of its field`);
    const ratio = contrast(fill(text), fill(begins[0] ?? paper));
    least = Math.min(least, ratio);
    if (ratio < 4.5) found.push(`${name(text)} has a contrast of ${ratio.toFixed(2)}`);
    for (const other of texts) {
        const b = rect(other);
        if (other !== text && box.left < b.right - slack && b.left < box.right - slack && box.top < b.bottom - 4 && b.top < box.bottom - 4) {
            found.push(`${name(text)} lies over ${name(other)}`);
        }
    }
}
for (const [n, a] of fields.entries()) {
    for (const b of fields.slice(n + 1)) {
        const [x, y] = [rect(a), rect(b)];
        if (x.left < y.right - slack && y.left < x.right - slack && x.top < y.bottom - slack && y.top < x.bottom - slack) found.push("two fields overlap");
    }
}
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const size = Math.min(...texts.map((text) => parseFloat(getComputedStyle(text).fontSize) * (whole.width / svg.viewBox.baseVal.width)));
document.body.textContent = "SEEN" + JSON.stringify({ found, dark, paper: fill(paper), least, size, width: whole.width, window: innerWidth, texts: texts.length, fields: fields.length }) + "END";

// The rules for the HTML of our pages. A rule that is off or changed says why.
export default {
  root: true,
  extends: ["html-validate:recommended", "html-validate:document", "html-validate:a11y"],
  rules: {
    // the standard takes both; ours is written small
    "doctype-style": ["error", { style: "lowercase" }],
    // a style sheet of our own host is as good as the page that names it
    "require-sri": ["error", { target: "crossorigin" }],
    // Jinja's loops leave blanks at the ends of lines, which nobody sees
    "no-trailing-whitespace": "off",
    // our English has names of files, commands and people of any length
    "long-title": "off",
  },
};

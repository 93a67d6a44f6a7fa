/* The frame of every report: no script, no outside resource, light and dark, from phone to desktop. */
#include "sim/report.h"

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1c2733;--soft:#5b6b7b;--line:#d8dee5;--page:#fff;--panel:#f5f7f9;"
    "--good:#1a7f4b;--bad:#c0322b;--fault:#b26a00;--blue:#2563a8}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e3e8ed;--soft:#9aa8b6;--line:#36424e;--page:#14191f;--panel:#"
    "1c232b;"
    "--good:#4cc38a;--bad:#ff7b72;--fault:#e3a13b;--blue:#7db3ec}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);"
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
    "main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 4rem}"
    "h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}h2{font-size:1.1rem;margin:2rem 0 .5rem}"
    ".verdict{display:inline-block;padding:.1rem .7rem;border-radius:1rem;font-weight:600;border:2px solid}"
    ".good{color:var(--good)}.bad{color:var(--bad)}.fault{color:var(--fault)}.soft{color:var(--soft)}"
    ".facts{display:flex;flex-wrap:wrap;gap:.75rem;margin:1rem 0;padding:0;list-style:none}"
    ".facts li{background:var(--panel);border-radius:.5rem;padding:.5rem .9rem}"
    ".facts b{display:block;font-size:1.15rem}.facts span{color:var(--soft);font-size:.85rem}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}"
    "td.n,th.n{text-align:right;white-space:nowrap}th{color:var(--soft);font-weight:600;font-size:.85rem}"
    "code,pre{font:13px/1.45 ui-monospace,Menlo,Consolas,monospace}pre{background:var(--panel);padding:.75rem;"
    "border-radius:.5rem;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}"
    "details{border-bottom:1px solid var(--line);padding:.35rem 0}summary{cursor:pointer}"
    "summary:focus-visible,a:focus-visible{outline:2px solid "
    "var(--blue)}svg{min-width:40rem;width:100%;height:auto;display:block}"
    "blockquote{margin:1rem 0;padding:.6rem 1rem;border-left:4px solid var(--bad);background:var(--panel)}"
    "ol.story{padding-left:1.4rem}ol.story li{margin:.25rem "
    "0}time{color:var(--soft);font-variant-numeric:tabular-nums}";

void report_escape(struct text *ret_text, const char *text)
{
    for (; *text != 0; text++) {
        if (*text == '<')
            text_add_string(ret_text, "&lt;");
        else if (*text == '>')
            text_add_string(ret_text, "&gt;");
        else if (*text == '&')
            text_add_string(ret_text, "&amp;");
        else if (*text == '"')
            text_add_string(ret_text, "&quot;");
        else if ((unsigned char)*text < 0x20 && *text != '\n' && *text != '\t')
            text_add_char(ret_text, '?'); /* XML 1.0 has no way to write them. */
        else
            text_add_char(ret_text, *text);
    }
}

void report_begin_page(struct text *html, const char *title)
{
    text_add_string(html, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>");
    report_escape(html, title);
    text_add_string(html, "</title><style>");
    text_add_string(html, style);
    text_add_string(html, "</style></head>\n<body><main>\n");
}

void report_end_page(struct text *html)
{
    text_add_string(html, "</main></body></html>\n");
}

void report_verdict(struct text *html, bool passed)
{
    text_addf(html, "<span class=\"verdict %s\">%s</span>", passed ? "good" : "bad", passed ? "Passed" : "Failed");
}

/* What the pages share: the frame, the verdict. Style and script are within the page, for it must work without a
 * network; colors follow the reader's light or dark setting. */
#include "sim/report/files.h"
#include "sim/report/report.h"

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
    text_add(html, report_style, report_style_size);
    text_add_string(html, "</style></head>\n<body><main>\n");
}

void report_add_viewer(struct text *html)
{
    text_add_string(html, "<script>");
    text_add(html, report_timeline, report_timeline_size);
    text_add(html, report_viewer, report_viewer_size);
    text_add_string(html, "</script>");
}

void report_end_page(struct text *html)
{
    text_add_string(html, "</main></body></html>\n");
}

void report_verdict(struct text *html, bool passed)
{
    text_addf(html, "<span class=\"verdict %s\">%s</span>", passed ? "good" : "bad", passed ? "Passed" : "Failed");
}

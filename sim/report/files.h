/* sim/report/report.css and the two parts of the script (timeline.js, viewer.js), built into the program by
 * sim/CMakeLists.txt. */
#ifndef CUPOLA_SIM_REPORT_FILES_H
#define CUPOLA_SIM_REPORT_FILES_H

#include <stddef.h>

extern const unsigned char report_style[];
extern const size_t report_style_size;
extern const unsigned char report_timeline[];
extern const size_t report_timeline_size;
extern const unsigned char report_viewer[];
extern const size_t report_viewer_size;

#endif

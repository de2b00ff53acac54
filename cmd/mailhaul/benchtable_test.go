package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// figures are what one run came to.
type figures struct {
	wall  time.Duration
	peak  int64 // resident memory in octets; zero: not measured
	turns [2]int
	busy  float64 // share of the machine that others used just before
}

// report collects figures and makes a table of them.
type report struct {
	versions []string
	works    []work
	figures  map[string]map[string][]figures // by work and program
	peaks    map[string]int64                // likewise
	runs     int
	noisy    int // runs that began while others used a tenth of the machine or more
}

func newReport(a *arena) *report {
	r := &report{figures: map[string]map[string][]figures{}, peaks: map[string]int64{}}
	r.versions = append(r.versions, time.Now().Format("2006-01-02"), runtime.Version(), fmt.Sprintf("%s/%s, %d cores",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU()))
	for _, command := range [][]string{{a.program, "version"}, {"dovecot", "--version"}, {"/usr/sbin/dovecot", "--version"}, {"mbsync", "--version"}} {
		out, err := exec.Command(command[0], command[1:]...).Output() //nolint:gosec // programs that are measured
		if err != nil {
			continue
		}
		line, _, _ := strings.Cut(string(out), "\n")
		if strings.HasSuffix(command[0], "dovecot") {
			line = "dovecot " + line
		}
		if !slices.Contains(r.versions, line) {
			r.versions = append(r.versions, line)
		}
	}
	if _, err := exec.LookPath("mbsync"); err != nil {
		r.versions = append(r.versions, "mbsync is not installed and left out (Debian and Ubuntu: apt-get install isync)")
	}
	return r
}

func (r *report) add(w work, program string, f figures) {
	if r.figures[w.name] == nil {
		r.figures[w.name] = map[string][]figures{}
		r.works = append(r.works, w)
	}
	r.figures[w.name][program] = append(r.figures[w.name][program], f)
	r.runs++
	if f.busy >= enough {
		r.noisy++
	}
}

// remember keeps the largest resident memory of a program's runs.
func (r *report) remember(w work, program string, peak int64) {
	r.peaks[w.name+" "+program] = max(r.peaks[w.name+" "+program], peak)
}

// programs in the order of the table.
var programs = []string{"raw single", "raw multi", "mailhaul", "mbsync"}

// summary is one line of the table.
type summary struct {
	median, least, most time.Duration
	turns               [2]int
}

func summarize(all []figures) summary {
	walls := make([]time.Duration, len(all))
	var s summary
	for i, f := range all {
		walls[i] = f.wall
		for side, n := range f.turns {
			s.turns[side] = max(s.turns[side], n)
		}
	}
	slices.Sort(walls)
	s.median, s.least, s.most = walls[len(walls)/2], walls[0], walls[len(walls)-1]
	return s
}

func (r *report) print(to io.Writer) {
	fmt.Fprintf(to, "\n%s\n", strings.Join(r.versions, "; "))
	fmt.Fprintf(to, "%d rounds in turns; wall time of the whole process; speed is relative to raw single\n", *rounds)
	fmt.Fprintf(to, "%d of %d runs began while others used a tenth of the machine or more\n\n", r.noisy, r.runs)
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "work\tprogram\tmedian\tmin\tmax\tspeed\tMiB\tround trips")
	for _, w := range r.works {
		for _, p := range programs {
			all := r.figures[w.name][p]
			if len(all) == 0 {
				continue
			}
			s := summarize(all)
			speed, peak, turns := "", "", ""
			if v := r.speed(w, p); v > 0 {
				speed = fmt.Sprintf("%.2f", v)
			}
			if most := r.peaks[w.name+" "+p]; most > 0 {
				peak = fmt.Sprintf("%.0f", float64(most)/(1<<20))
			}
			if w.unchanged {
				turns = fmt.Sprintf("%d + %d", s.turns[0], s.turns[1])
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", w.name, p, seconds(s.median), seconds(s.least), seconds(s.most), speed, peak, turns)
		}
	}
	_ = t.Flush() // the terminal's trouble
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

// speed is relative to the bound; zero where there is none.
func (r *report) speed(w work, program string) float64 {
	bound, own := r.figures[w.name]["raw single"], r.figures[w.name][program]
	if len(bound) == 0 || len(own) == 0 {
		return 0
	}
	return summarize(bound).median.Seconds() / summarize(own).median.Seconds()
}

// metrics gives the essence to the tools that read Go's benchmarks.
func (r *report) metrics(b *testing.B, w work) {
	b.ReportMetric(0, "ns/op") // of all programs together: it means nothing
	for _, p := range programs {
		if all := r.figures[w.name][p]; len(all) > 0 {
			b.ReportMetric(summarize(all).median.Seconds(), strings.ReplaceAll(p, " ", "-")+"-s")
		}
	}
}

// enough is the share of the machine that others may use while something is measured.
const enough = 0.1

// awaitQuiet waits, some seconds at most, until nobody else uses more than a tenth of the machine, and gives the share
// that others used last.
func awaitQuiet() float64 {
	const patience = 5 * time.Second
	deadline := time.Now().Add(patience)
	for {
		before, all := idleTime()
		time.Sleep(250 * time.Millisecond)
		after, allAfter := idleTime()
		if allAfter == all {
			return 0 // no such figures here
		}
		busy := 1 - (after-before)/(allAfter-all)
		if busy < enough || time.Now().After(deadline) {
			return busy
		}
	}
}

// idleTime reads the first line of Linux's /proc/stat: cpu user nice system idle iowait ...
func idleTime() (idle, all float64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	for i, field := range strings.Fields(string(line))[1:] {
		var n float64
		_, _ = fmt.Sscan(field, &n) // the kernel's own number
		if all += n; i == 3 || i == 4 {
			idle += n
		}
	}
	return idle, all
}

package view

import (
	"fmt"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"mailhaul/executor"
)

// framesPerSecond is how often the screen is redrawn at most.
const framesPerSecond = 10

// Live is the screen that is redrawn in place. It never reads the keyboard and never handles signals: Ctrl-C reaches the
// process as the signal that it is. Close must be called on the way out of a second Ctrl-C too, or the cursor stays
// hidden.
type Live struct {
	board   *board
	program *tea.Program
	done    chan struct{}
	once    sync.Once
	err     error
}

// NewLive starts the screen on t.Err.
func NewLive(t *Terminal) *Live {
	return startLive(t)
}

// startLive lets a test add options: the size of a window that is no terminal.
func startLive(t *Terminal, more ...tea.ProgramOption) *Live {
	b := newBoard(t)
	profile := colorprofile.Ascii
	if t.Err.Color {
		profile = colorprofile.ANSI
	}
	options := append([]tea.ProgramOption{tea.WithOutput(t.Err.Writer), tea.WithInput(nil), tea.WithoutSignalHandler(),
		tea.WithFPS(framesPerSecond), tea.WithColorProfile(profile), tea.WithEnvironment(t.Env)}, more...)
	l := &Live{board: b, program: tea.NewProgram(screen{b}, options...), done: make(chan struct{})}
	// The library draws on a goroutine of its own; Close waits for it.
	go func() {
		defer close(l.done)
		_, l.err = l.program.Run()
	}()
	return l
}

// Event updates the screen; what has ended or failed scrolls away above it.
func (l *Live) Event(e executor.Event) {
	if line := l.board.take(e); line != "" {
		// Println gives a command; its message goes in directly, because commands run beside each other and lines
		// would change places.
		l.program.Send(tea.Println(line)())
	}
}

// Close draws the last state, leaves it standing and shows the cursor. It may be called twice.
func (l *Live) Close() error {
	l.once.Do(func() {
		l.board.end()
		l.program.Quit()
		<-l.done
	})
	if l.err != nil {
		return fmt.Errorf("draw progress: %w", l.err)
	}
	return nil
}

// screen is the board as the library wants it: a model that is looked at ten times a second.
type screen struct{ board *board }

type tick struct{}

func nextFrame() tea.Cmd {
	return tea.Tick(time.Second/framesPerSecond, func(time.Time) tea.Msg { return tick{} })
}

// Init asks for the first frame.
func (s screen) Init() tea.Cmd { return nextFrame() }

// Update takes the window's size and asks for the next frame.
func (s screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.board.resize(msg.Width, msg.Height)
	case tick:
		return s, nextFrame()
	}
	return s, nil
}

// View draws the block at the bottom. Nothing is read, so pasting needs no mode of its own.
func (s screen) View() tea.View {
	v := tea.NewView(strings.Join(s.board.frame(), "\n"))
	v.DisableBracketedPasteMode = true
	return v
}

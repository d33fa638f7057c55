// nats-server whose wall clock can be set: ahead (back, where negative) by the seconds that the file
// OPSWARD_CLOCK_AHEAD holds. Its monotonic clock, and with it every timer, goes on, as on a machine whose clock is set.
// time.OpswardAhead is put into the standard library by tests/servers/build.
package main

import (
	"flag"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

func main() {
	if file := os.Getenv("OPSWARD_CLOCK_AHEAD"); file != "" {
		go follow(file)
	}
	flags := flag.NewFlagSet("nats-server", flag.ExitOnError)
	options, err := server.ConfigureOptions(flags, os.Args[1:], server.PrintServerAndExit, flags.Usage, server.PrintTLSHelpAndDie)
	if err != nil {
		server.PrintAndDie("nats-server: " + err.Error())
	}
	nats, err := server.NewServer(options)
	if err != nil {
		server.PrintAndDie("nats-server: " + err.Error())
	}
	nats.ConfigureLogger()
	if err := server.Run(nats); err != nil {
		server.PrintAndDie("nats-server: " + err.Error())
	}
	nats.WaitForShutdown()
}

func follow(file string) {
	for ; ; time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(file)
		if err != nil {
			server.PrintAndDie("nats-server: the file with its clock: " + err.Error())
		}
		// Half written: the next look reads it whole.
		if ahead, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			time.OpswardAhead.Store(ahead)
		}
	}
}

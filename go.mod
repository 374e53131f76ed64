module github.com/fastness-dev/fastness

go 1.26.4

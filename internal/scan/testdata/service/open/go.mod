module shop.example/service

go 1.22.4

require (
	golang.org/x/text v0.3.6
	golang.org/x/net v0.0.0-20210101000000-000000000000 // indirect
	shop.example/own v1.0.0
)

replace golang.org/x/net => golang.org/x/net v0.0.0-20220906165145-000000000000

replace shop.example/own => ./own

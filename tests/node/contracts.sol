// What the tests run on a real node. contracts.json is this file by solc 0.8.30 for `paris`, optimised for 1 run, without CBOR metadata.
pragma solidity ^0.8.0;

contract Token {
    mapping(address => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function transfer(address to, uint256 value) external returns (bool) {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
        emit Transfer(msg.sender, to, value);
        return true;
    }
}

contract Desk {
    constructor() payable {}

    receive() external payable {}

    function pay(address payable to, uint256 value) external payable {
        (bool done, ) = to.call{value: value}("");
        require(done, "not paid");
    }

    function tryToPay(address payable to, uint256 value) external payable {
        (bool done, ) = address(this).call(abi.encodeCall(this.payAndFail, (to, value)));
        require(!done, "paid");
    }

    function payAndFail(address payable to, uint256 value) external {
        (bool done, ) = to.call{value: value}("");
        require(done && false, "fails after paying");
    }

    function swap(Token mine, uint256 mineValue, Token yours, uint256 yoursValue, address payable to, uint256 value) external payable {
        mine.transfer(to, mineValue);
        yours.transfer(to, yoursValue);
        (bool done, ) = to.call{value: value}("");
        require(done, "not paid");
    }

    function close(address payable to) external {
        selfdestruct(to);
    }
}
